"""Functional escalation between support levels, up and down, always with a summary for whoever comes next."""

from __future__ import annotations

from dataclasses import dataclass, replace

from services.incident import events
from services.incident.domain.lifecycle import Guard, Step
from services.incident.domain.record import HIGHEST_LEVEL, LOWEST_LEVEL, Incident, State
from shared.errors import Invalid
from shared.event import Event

Result = tuple[Incident, tuple[Event, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """Where it goes and what was found so far. Without a level it goes one up, or one down.

    Nobody of the level before keeps it: named to no team and no person, it is new at its level.
    """

    summary: str | None = None
    level: int | None = None
    team: str | None = None
    person: str | None = None


def escalate(incident: Incident, args: HandOver, step: Step) -> Result:
    """Hand it up. Raises Invalid when the level is not higher, or there is none."""
    return _hand_over(incident, args, step, events.ESCALATED, 1)


def hand_back(incident: Incident, args: HandOver, step: Step) -> Result:
    """Hand it down. Raises Invalid when the level is not lower, or there is none."""
    return _hand_over(incident, args, step, events.HANDED_BACK, -1)


def _hand_over(incident: Incident, args: HandOver, step: Step, event: str, direction: int) -> Result:
    level = incident.level + direction if args.level is None else args.level
    _check(incident.level, level, step.transition.guards)
    after = replace(
        incident,
        state=_state(incident, args, step),
        waiting_reason=None,
        level=level,
        team=args.team,
        person=args.person,
        handovers=incident.handovers + 1,
        left=tuple(sorted({*incident.left, incident.level})),
        returns=incident.returns + (level in incident.left),
        updated_at=step.at,
    )
    change = {
        "level_from": incident.level,
        "level_to": level,
        "team": args.team,
        "person": args.person,
        "summary": args.summary,
        "state_from": incident.state.value,
    }
    return after, (Event(type=event, at=step.at, change=change),)


def _state(incident: Incident, args: HandOver, step: Step) -> State:
    is_nobodys = not args.team and not args.person
    return State.NEW if incident.unfinished and is_nobodys else step.transition.state


def _check(before: int, level: int, guards: tuple[Guard, ...]) -> None:
    if not LOWEST_LEVEL <= level <= HIGHEST_LEVEL:
        raise Invalid(f"level is {LOWEST_LEVEL} to {HIGHEST_LEVEL}", pointer="/args/level")
    if Guard.GOES_UP in guards and level <= before:
        raise Invalid(f"it is at level {before}; escalating goes to a higher one", pointer="/args/level")
    if Guard.GOES_DOWN in guards and level >= before:
        raise Invalid(f"it is at level {before}; handing back goes to a lower one", pointer="/args/level")
