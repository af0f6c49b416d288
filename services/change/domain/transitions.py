"""The state machine of changes as a plain table, and the one step that reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any

from services.change import events
from services.change.domain.change import Action, Change, Kind, State
from shared.errors import DeskwireError, Forbidden, Invalid, NotAllowed
from shared.event import Event

Outcome = tuple[Change, tuple[Event, ...]]


class Guard(Enum):
    """What must hold beside the state. The check of each stands in `_CHECKS`."""

    BY_ANOTHER = "somebody else than the requester decides"
    EMERGENCY = "only an emergency change goes on without assessment"
    STANDARD = "only a standard change is approved by its template"
    NOT_NORMAL = "a normal change is scheduled before it is begun"
    IN_WORK = "a change takes deployments of the time before it was implemented, an unauthorised one of any time"
    WINDOW = "the window ends after it starts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """What an action does in a state: where it leads, what it publishes, what it cannot do without."""

    to: State
    event: str
    required: tuple[str, ...] = ()
    guards: tuple[Guard, ...] = ()


STARTS: Mapping[Action, Transition] = {
    Action.REQUEST: Transition(to=State.REQUESTED, event=events.REQUESTED, required=("title",)),
    Action.DISCOVER: Transition(to=State.IMPLEMENTED, event=events.UNAUTHORISED),
}
"""The actions that make a change."""

_ASSESS = Transition(to=State.ASSESSED, event=events.ASSESSED, required=("risk", "impact"))
_REJECT = Transition(to=State.REJECTED, event=events.REJECTED, required=("reason",), guards=(Guard.BY_ANOTHER,))
_SCHEDULE = Transition(
    to=State.SCHEDULED, event=events.SCHEDULED, required=("start_at", "end_at"), guards=(Guard.WINDOW,)
)
_CANCEL = Transition(to=State.CANCELLED, event=events.CANCELLED, required=("reason",))


def _approve(*guards: Guard) -> Transition:
    return Transition(to=State.APPROVED, event=events.APPROVED, guards=guards)


def _implement(*guards: Guard) -> Transition:
    return Transition(to=State.IMPLEMENTING, event=events.IMPLEMENTING, guards=guards)


def _deploy(state: State, *guards: Guard) -> Transition:
    return Transition(to=state, event=events.DEPLOYMENT_MATCHED, guards=guards)


TRANSITIONS: Mapping[tuple[State, Action], Transition] = {
    **{(state, Action.LINK): Transition(to=state, event=events.LINKED) for state in State},
    (State.REQUESTED, Action.ASSESS): _ASSESS,
    (State.REQUESTED, Action.PRE_APPROVE): _approve(Guard.STANDARD),
    (State.REQUESTED, Action.APPROVE): _approve(Guard.EMERGENCY, Guard.BY_ANOTHER),
    (State.REQUESTED, Action.REJECT): _REJECT,
    (State.REQUESTED, Action.CANCEL): _CANCEL,
    (State.ASSESSED, Action.ASSESS): _ASSESS,
    (State.ASSESSED, Action.APPROVE): _approve(Guard.BY_ANOTHER),
    (State.ASSESSED, Action.REJECT): _REJECT,
    (State.ASSESSED, Action.CANCEL): _CANCEL,
    (State.APPROVED, Action.SCHEDULE): _SCHEDULE,
    (State.APPROVED, Action.IMPLEMENT): _implement(Guard.NOT_NORMAL),
    (State.APPROVED, Action.CANCEL): _CANCEL,
    (State.APPROVED, Action.DEPLOY): _deploy(State.APPROVED),
    (State.SCHEDULED, Action.SCHEDULE): _SCHEDULE,
    (State.SCHEDULED, Action.IMPLEMENT): _implement(),
    (State.SCHEDULED, Action.CANCEL): _CANCEL,
    (State.SCHEDULED, Action.DEPLOY): _deploy(State.SCHEDULED),
    (State.IMPLEMENTING, Action.COMPLETE): Transition(to=State.IMPLEMENTED, event=events.IMPLEMENTED),
    (State.IMPLEMENTING, Action.DEPLOY): _deploy(State.IMPLEMENTING),
    (State.IMPLEMENTED, Action.REVIEW): Transition(to=State.REVIEWED, event=events.REVIEWED, required=("outcome",)),
    (State.IMPLEMENTED, Action.DEPLOY): _deploy(State.IMPLEMENTED, Guard.IN_WORK),
    (State.REVIEWED, Action.CLOSE): Transition(to=State.CLOSED, event=events.CLOSED),
    (State.REVIEWED, Action.DEPLOY): _deploy(State.REVIEWED, Guard.IN_WORK),
    (State.CLOSED, Action.DEPLOY): _deploy(State.CLOSED, Guard.IN_WORK),
}
"""All that can be done to a change. What is not in here is refused."""


def step(
    change: Change, action: Action, *, now: datetime, given: Mapping[str, Any], by: str | None = None, **changes: Any
) -> Outcome:
    """Take `action` as the table says: the change with `changes`, in its new state, and the event.

    `given` is what the caller gave and travels in the event; instants do not, they stand in the snapshot. Raises
    NotAllowed where the table has no such step or its guard does not hold, Forbidden (`own-change`) for a decision
    on one's own change, Invalid where a field is missing, blank or wrong.
    """
    transition = TRANSITIONS.get((change.state, action))
    if transition is None:
        raise NotAllowed(f"a change that is {change.state.value} cannot {action.value}")
    require(transition, given)
    attempt = Attempt(change=change, given=given, by=by, at=now)
    for guard in transition.guards:
        fault = _CHECKS[guard](attempt)
        if fault is not None:
            raise fault
    after = replace(change, **changes, state=transition.to, updated_at=max(now, change.updated_at))
    said = {name: value for name, value in given.items() if not isinstance(value, datetime)}
    moved = {"state_from": change.state.value, "state_to": after.state.value}
    return after, (Event(type=transition.event, at=now, change={**said, **moved}),)


def require(transition: Transition, given: Mapping[str, Any]) -> None:
    """Raise Invalid for the first required field that is missing or blank."""
    for name in transition.required:
        value = given.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            raise Invalid(f"{name} is required", pointer=f"/args/{name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One action on one change: what its guards look at."""

    change: Change
    given: Mapping[str, Any]
    by: str | None
    at: datetime


Check = Callable[[Attempt], DeskwireError | None]


def _of_kind(guard: Guard, *kinds: Kind) -> Check:
    return lambda attempt: None if attempt.change.kind in kinds else NotAllowed(guard.value)


def _by_another(attempt: Attempt) -> DeskwireError | None:
    if attempt.by is not None and attempt.by != attempt.change.requester:
        return None
    return Forbidden(Guard.BY_ANOTHER.value, slug="own-change", pointer="/actor/id")


def _in_work(attempt: Attempt) -> DeskwireError | None:
    change = attempt.change
    is_late_news = change.implemented_at is not None and attempt.at <= change.implemented_at
    return None if is_late_news or change.kind is Kind.UNAUTHORISED else NotAllowed(Guard.IN_WORK.value)


def _window(attempt: Attempt) -> DeskwireError | None:
    is_window = attempt.given["start_at"] < attempt.given["end_at"]
    return None if is_window else Invalid(Guard.WINDOW.value, pointer="/args/end_at")


_CHECKS: Mapping[Guard, Check] = {
    Guard.BY_ANOTHER: _by_another,
    Guard.EMERGENCY: _of_kind(Guard.EMERGENCY, Kind.EMERGENCY),
    Guard.STANDARD: _of_kind(Guard.STANDARD, Kind.STANDARD),
    Guard.NOT_NORMAL: _of_kind(Guard.NOT_NORMAL, Kind.STANDARD, Kind.EMERGENCY),
    Guard.IN_WORK: _in_work,
    Guard.WINDOW: _window,
}
