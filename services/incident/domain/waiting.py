"""Waiting for somebody or something outside the desk, and going on."""

from __future__ import annotations

from dataclasses import dataclass, replace

from services.incident import events
from services.incident.domain.lifecycle import Step
from services.incident.domain.record import Incident, State, WaitingReason
from shared.event import Event

Result = tuple[Incident, tuple[Event, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """What it waits for."""

    reason: WaitingReason | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """Nothing more to say."""


def wait(incident: Incident, args: Wait, step: Step) -> Result:
    """Wait, or wait for another reason than before."""
    after = replace(incident, state=step.transition.state, waiting_reason=args.reason, updated_at=step.at)
    if (after.state, after.waiting_reason) == (incident.state, incident.waiting_reason):
        return incident, ()
    change = {"reason": args.reason.value if args.reason else None, "state_from": incident.state.value}
    if args.text is not None:
        change["text"] = args.text
    return after, (Event(type=events.WAITING, at=step.at, change=change),)


def resume(incident: Incident, _: Resume, step: Step) -> Result:
    """Go on where it stood: with whoever accepted it, else in its queue, else as new."""
    after = replace(incident, state=_where(incident, step), waiting_reason=None, updated_at=step.at)
    change = {"state_from": incident.state.value}
    return after, (Event(type=events.RESUMED, at=step.at, change=change),)


def _where(incident: Incident, step: Step) -> State:
    if incident.accepted_at is not None and incident.person is not None:
        return step.transition.state
    return State.ASSIGNED if incident.team or incident.person else State.NEW
