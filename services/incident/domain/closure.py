"""The end of a record, and its reopening."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from services.incident import events
from services.incident.domain.lifecycle import Step
from services.incident.domain.record import Incident, Resolution, State
from shared.errors import Invalid
from shared.event import Event

Result = tuple[Incident, tuple[Event, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolve:
    """How it was solved: a code to count by, a text to read."""

    code: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """A code is needed where the record was never resolved."""

    code: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """Why it is withdrawn."""

    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen:
    """Why it goes on, and to which state when not to its queue. `cause` is what let it, when no person did."""

    reason: str | None = None
    to: State | None = None
    cause: str | None = None


def resolve(incident: Incident, args: Resolve, step: Step) -> Result:
    """Service is restored."""
    resolution = _resolution(args.code, args.text)
    after = _ended(incident, step, resolved_at=step.at, closed_at=None, resolution=resolution)
    change = {"code": args.code, "text": args.text, "state_from": incident.state.value}
    return after, (Event(type=events.RESOLVED, at=step.at, change=change),)


def close(incident: Incident, args: Close, step: Step) -> Result:
    """Finished for good. Closed without having been resolved, it is resolved at the same moment."""
    resolution = incident.resolution or _resolution(args.code, args.text)
    resolved_at = incident.resolved_at or step.at
    after = _ended(incident, step, resolved_at=resolved_at, closed_at=step.at, resolution=resolution)
    change = {"state_from": incident.state.value}
    return after, (Event(type=events.CLOSED, at=step.at, change=change),)


def cancel(incident: Incident, args: Cancel, step: Step) -> Result:
    """Withdrawn: it was never resolved, and counts as neither kept nor missed."""
    after = _ended(incident, step, resolved_at=None, closed_at=None, resolution=None)
    change = {"reason": args.reason, "state_from": incident.state.value}
    return after, (Event(type=events.CANCELLED, at=step.at, change=change),)


def reopen(incident: Incident, args: Reopen, step: Step) -> Result:
    """Go on after all. Reopened as new it is in nobody's hands. Raises Invalid for a state it cannot lead to."""
    to = args.to or (State.ASSIGNED if incident.team or incident.person else State.NEW)
    if to not in (step.transition.state, *step.transition.others):
        raise Invalid(f"reopening does not lead to {to}", pointer="/args/to")
    after = replace(
        incident,
        state=to,
        team=None if to is State.NEW else incident.team,
        person=None if to is State.NEW else incident.person,
        resolved_at=None,
        closed_at=None,
        resolution=None,
        reopened=incident.reopened + 1,
        updated_at=step.at,
    )
    change = {"reason": args.reason, "to": to.value, "state_from": incident.state.value}
    if args.cause is not None:
        change["cause"] = args.cause
    return after, (Event(type=events.REOPENED, at=step.at, change=change),)


def _resolution(code: str | None, text: str | None) -> Resolution | None:
    return None if code is None else Resolution(code=code, text=text)


def _ended(
    incident: Incident,
    step: Step,
    *,
    resolved_at: datetime | None,
    closed_at: datetime | None,
    resolution: Resolution | None,
) -> Incident:
    return replace(
        incident,
        state=step.transition.state,
        waiting_reason=None,
        resolved_at=resolved_at,
        closed_at=closed_at,
        resolution=resolution,
        updated_at=step.at,
    )
