"""What can be done to a problem, one function a verb: `(state, events) = f(state, args, now)`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.problem.domain.problem import (
    INCIDENTS_KEPT,
    INCIDENTS_TOLD,
    LINKS_KEPT,
    PRIORITIES,
    Action,
    Link,
    LinkKind,
    Problem,
    State,
)
from services.problem.domain.recurrence import Member, most_urgent, signature_of
from services.problem.domain.transitions import STARTS, Outcome, require, step
from shared.errors import Invalid
from shared.event import Event


def propose(members: Sequence[Member], *, now: datetime) -> Outcome:
    """The problem that recurring incidents suggest; it waits for a person to accept or reject it.

    `members` are of one signature, in order of opening, and not empty. Title and scope are the first one's. They
    join by a second event, so that whoever follows membership need only listen to one type.
    """
    first = members[0]
    problem = _new(
        State.PROPOSED,
        title=f"Recurring: {first.title}",
        priority=PRIORITIES[-1],
        service=first.service,
        ci=first.ci,
        fingerprint=first.fingerprint,
        now=now,
    )
    proposed = Event(type=STARTS[Action.PROPOSE].event, at=now, change={"incident_count": len(members)})
    priority = most_urgent(member.priority for member in members)
    problem, joined = join(problem, [member.number for member in members], priority=priority, now=now)
    return problem, (proposed, *joined)


def open(
    *,
    title: str,
    description: str | None = None,
    priority: str = "P3",
    service: str | None = None,
    ci: str | None = None,
    fingerprint: str | None = None,
    now: datetime,
) -> Outcome:
    """A problem that a person opens. With a fingerprint and a service or item it takes their recurrences."""
    require(STARTS[Action.OPEN], {"title": title})
    if priority not in PRIORITIES:
        raise Invalid(f"priority must be one of {', '.join(PRIORITIES)}", pointer="/args/priority")
    problem = _new(
        State.OPEN,
        title=title,
        description=description,
        priority=priority,
        service=service,
        ci=ci,
        fingerprint=fingerprint,
        now=now,
    )
    return problem, (Event(type=STARTS[Action.OPEN].event, at=now),)


def _new(
    state: State,
    *,
    title: str,
    description: str | None = None,
    priority: str,
    service: str | None,
    ci: str | None,
    fingerprint: str | None,
    now: datetime,
) -> Problem:
    return Problem(
        state=state,
        title=title,
        description=description,
        priority=priority,
        service=service,
        ci=ci,
        fingerprint=fingerprint,
        signature=signature_of(fingerprint, service, ci),
        root_cause=None,
        workaround=None,
        solution=None,
        incidents=(),
        incident_count=0,
        links=(),
        opened_at=now,
        updated_at=now,
        resolved_at=None,
        closed_at=None,
    )


def accept(problem: Problem, *, now: datetime) -> Outcome:
    """Take a proposed problem up for investigation."""
    return step(problem, Action.ACCEPT, now=now, given={})


def link(problem: Problem, to: Link, *, now: datetime) -> Outcome:
    """Link another record. What is linked already stays as it is, and nothing happens."""
    if to.kind is LinkKind.INCIDENT:
        return join(problem, [to.number], now=now)
    if to in problem.links:
        return problem, ()
    given = {"kind": to.kind.value, "number": to.number}
    total = max(problem.links_total, len(problem.links)) + 1
    links = (*problem.links, to)[-LINKS_KEPT:]
    return step(problem, Action.LINK, now=now, given=given, links=links, links_total=total)


def join(problem: Problem, incidents: Sequence[str], *, priority: str = "P4", now: datetime) -> Outcome:
    """Add incidents to the problem, which becomes as urgent as the most urgent of them (`priority`).

    `incidents` are no more than one event may name. Of those that the problem no longer lists the caller knows.
    """
    listed = set(problem.incidents)
    new = tuple(number for number in dict.fromkeys(incidents) if number not in listed)
    if not new:
        return problem, ()
    return step(
        problem,
        Action.LINK,
        now=now,
        given={"incidents": list(new)},
        incidents=(*problem.incidents, *new)[-INCIDENTS_KEPT:],
        incident_count=problem.incident_count + len(new),
        priority=most_urgent((problem.priority, priority)),
    )


def diagnose(problem: Problem, *, root_cause: str | None, now: datetime) -> Outcome:
    """State the root cause. With a workaround beside it the problem is a known error."""
    return step(problem, Action.DIAGNOSE, now=now, given={"root_cause": root_cause}, root_cause=root_cause)


def record_workaround(problem: Problem, *, workaround: str | None, now: datetime) -> Outcome:
    """Write down how to live with it. With a root cause beside it the problem is a known error."""
    return step(problem, Action.WORKAROUND, now=now, given={"workaround": workaround}, workaround=workaround)


def resolve(
    problem: Problem,
    *,
    text: str | None,
    resolve_incidents: bool = False,
    incidents: Sequence[str] = (),
    now: datetime,
) -> Outcome:
    """The fix is in. The event names incidents, and says whether they are resolved with it or only told.

    `incidents` are those that are kept apart, as many as are read at once.
    """
    named = list(dict.fromkeys((*problem.incidents, *incidents)))[:INCIDENTS_TOLD]
    given = {"incidents": named, "resolve": resolve_incidents, "text": text}
    return step(problem, Action.RESOLVE, now=now, given=given, solution=text, resolved_at=now)


def reopen(problem: Problem, *, reason: str | None, now: datetime) -> Outcome:
    """The fix did not hold, or the rejection was wrong: the investigation goes on with what is known."""
    return step(problem, Action.REOPEN, now=now, given={"reason": reason}, resolved_at=None)


def close(problem: Problem, *, now: datetime) -> Outcome:
    """The fix holds: nothing leaves this state."""
    return step(problem, Action.CLOSE, now=now, given={}, closed_at=now)


def reject(problem: Problem, *, reason: str | None, now: datetime) -> Outcome:
    """This is not a problem; new recurrences may be proposed again."""
    return step(problem, Action.REJECT, now=now, given={"reason": reason})
