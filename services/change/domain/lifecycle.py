"""What can be done to a change, one function a verb: `(state, events) = f(state, args, now)`."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from services.change.domain.change import (
    DEPLOYMENTS_KEPT,
    LINKS_KEPT,
    PRIORITIES,
    Action,
    Approval,
    Change,
    Decision,
    Degree,
    Deployment,
    Kind,
    Link,
    Result,
    State,
)
from services.change.domain.templates import Template
from services.change.domain.transitions import STARTS, Outcome, require, step
from shared.errors import Invalid
from shared.event import Event

_PRIORITY = {Kind.EMERGENCY: "P1", Kind.UNAUTHORISED: "P2"}


def request(
    *,
    kind: Kind,
    title: str,
    requester: str,
    description: str | None = None,
    priority: str | None = None,
    service: str | None = None,
    ci: str | None = None,
    template: Template | None = None,
    now: datetime,
) -> Outcome:
    """Ask for a change. A standard one names a template and is approved at once.

    Raises Invalid where neither service nor item is named, or kind and template do not go together.
    """
    require(STARTS[Action.REQUEST], {"title": title})
    if not service and not ci:
        raise Invalid("a change names a service, an item or both", pointer="/args/service")
    if kind is Kind.UNAUTHORISED:
        raise Invalid("nobody asks for an unauthorised change", pointer="/args/kind")
    if priority is not None and priority not in PRIORITIES:
        raise Invalid(f"priority must be one of {', '.join(PRIORITIES)}", pointer="/args/priority")
    _check_template(kind, template, service)
    change = _new(
        kind,
        State.REQUESTED,
        title=title,
        description=description,
        priority=priority or _PRIORITY.get(kind, "P3"),
        service=service,
        ci=ci,
        requester=requester,
        now=now,
    )
    asked = (Event(type=STARTS[Action.REQUEST].event, at=now, change={"kind": kind.value}),)
    if template is None:
        return change, asked
    after, approved = _pre_approve(change, template, now)
    return after, (*asked, *approved)


def _check_template(kind: Kind, template: Template | None, service: str | None) -> None:
    if (kind is Kind.STANDARD) != (template is not None):
        raise Invalid("a standard change, and only that, follows a template", pointer="/args/template")
    if template is not None and not template.allows(service):
        raise Invalid(f"template {template.name} is not for this service", pointer="/args/template")


def _pre_approve(change: Change, template: Template, now: datetime) -> Outcome:
    text = f"by template {template.name}"
    approval = Approval(by=template.approved_by, decision=Decision.APPROVED, text=text, at=now)
    return step(
        change,
        Action.PRE_APPROVE,
        now=now,
        given={"template": template.name},
        template=template.name,
        risk=template.risk,
        impact=template.impact,
        approvals=(approval,),
    )


def discover(deployment: Deployment, *, reason: str, now: datetime) -> Outcome:
    """The change that a deployment made which nobody had approved; `reason` says why none was found for it."""
    what, where = deployment.version or "an unnamed version", deployment.service or deployment.ci
    change = _new(
        Kind.UNAUTHORISED,
        STARTS[Action.DISCOVER].to,
        title=f"Unauthorised deployment of {what} to {where}",
        priority=_PRIORITY[Kind.UNAUTHORISED],
        service=deployment.service,
        ci=deployment.ci,
        now=deployment.at,
    )
    change = replace(change, deployments=(deployment,), deployment_count=1, updated_at=max(now, deployment.at))
    event = Event(type=STARTS[Action.DISCOVER].event, at=deployment.at, change={"reason": reason, **_told(deployment)})
    return change, (event,)


def _new(
    kind: Kind,
    state: State,
    *,
    title: str,
    description: str | None = None,
    priority: str,
    service: str | None,
    ci: str | None,
    requester: str | None = None,
    now: datetime,
) -> Change:
    return Change(
        kind=kind,
        state=state,
        title=title,
        description=description,
        priority=priority,
        service=service or None,
        ci=ci or None,
        template=None,
        risk=None,
        impact=None,
        requester=requester,
        approvals=(),
        start_at=None,
        end_at=None,
        implemented_at=None,
        outcome=None,
        deployments=(),
        deployment_count=0,
        links=(),
        opened_at=now,
        updated_at=now,
        closed_at=None,
    )


def assess(change: Change, *, risk: Degree, impact: Degree, text: str | None = None, now: datetime) -> Outcome:
    """Judge the change's risk and impact; again, until somebody decides."""
    given = {"risk": risk.value, "impact": impact.value, "text": text}
    return step(change, Action.ASSESS, now=now, given=given, risk=risk, impact=impact)


def approve(change: Change, *, by: str, text: str | None = None, now: datetime) -> Outcome:
    """Allow the change. Raises Forbidden (`own-change`) when its requester does."""
    approvals = (*change.approvals, Approval(by=by, decision=Decision.APPROVED, text=text, at=now))
    return step(change, Action.APPROVE, now=now, given={"text": text}, by=by, approvals=approvals)


def reject(change: Change, *, by: str, reason: str | None, now: datetime) -> Outcome:
    """Refuse the change. Its requester may cancel it instead."""
    approvals = (*change.approvals, Approval(by=by, decision=Decision.REJECTED, text=reason, at=now))
    return step(change, Action.REJECT, now=now, given={"reason": reason}, by=by, approvals=approvals)


def schedule(change: Change, *, start_at: datetime, end_at: datetime, now: datetime) -> Outcome:
    """Set the window, half open: from `start_at` until before `end_at`."""
    given = {"start_at": start_at, "end_at": end_at}
    return step(change, Action.SCHEDULE, now=now, given=given, start_at=start_at, end_at=end_at)


def implement(change: Change, *, now: datetime) -> Outcome:
    """Begin. Standard and emergency changes may begin without a window."""
    return step(change, Action.IMPLEMENT, now=now, given={})


def complete(change: Change, *, text: str | None = None, now: datetime) -> Outcome:
    """The work is done."""
    return step(change, Action.COMPLETE, now=now, given={"text": text}, implemented_at=now)


def review(change: Change, *, outcome: Result, text: str | None = None, now: datetime) -> Outcome:
    """Say what came of it (ITIL 4: post-implementation review)."""
    return step(change, Action.REVIEW, now=now, given={"outcome": outcome.value, "text": text}, outcome=outcome)


def close(change: Change, *, now: datetime) -> Outcome:
    """Finish the change for good."""
    return step(change, Action.CLOSE, now=now, given={}, closed_at=now)


def cancel(change: Change, *, reason: str | None, now: datetime) -> Outcome:
    """Withdraw a change that was not begun."""
    return step(change, Action.CANCEL, now=now, given={"reason": reason})


def link(change: Change, to: Link, *, now: datetime) -> Outcome:
    """Link another record. What is linked already stays as it is, and nothing happens."""
    if to in change.links:
        return change, ()
    given = {"kind": to.kind.value, "number": to.number}
    total = max(change.links_total, len(change.links)) + 1
    links = (*change.links, to)[-LINKS_KEPT:]
    return step(change, Action.LINK, now=now, given=given, links=links, links_total=total)


def record_deployment(change: Change, deployment: Deployment, *, reason: str) -> Outcome:
    """Note a deployment that belongs to this change; the same one again changes nothing."""
    if any((known.source, known.id) == (deployment.source, deployment.id) for known in change.deployments):
        return change, ()
    return step(
        change,
        Action.DEPLOY,
        now=deployment.at,
        given={"reason": reason, **_told(deployment)},
        deployments=(*change.deployments, deployment)[-DEPLOYMENTS_KEPT:],
        deployment_count=change.deployment_count + 1,
    )


def _told(deployment: Deployment) -> dict[str, Any]:
    return {
        "deployment": {
            "source": deployment.source,
            "id": deployment.id,
            "service": deployment.service,
            "ci": deployment.ci,
            "version": deployment.version,
            "change": deployment.change,
            "pipeline": deployment.pipeline,
            "by": deployment.by,
        }
    }
