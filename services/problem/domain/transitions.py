"""The state machine of problems as a plain table, and the one step that reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.problem import events
from services.problem.domain.problem import Action, Problem, State
from shared.errors import Invalid, NotAllowed
from shared.event import Event

Outcome = tuple[Problem, tuple[Event, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """What an action does in a state: where it leads, what it publishes, which fields it cannot do without.

    `known` is where it leads instead when root cause and workaround are both there afterwards.
    """

    to: State
    event: str
    required: tuple[str, ...] = ()
    known: State | None = None


STARTS: Mapping[Action, Transition] = {
    Action.PROPOSE: Transition(to=State.PROPOSED, event=events.PROPOSED),
    Action.OPEN: Transition(to=State.OPEN, event=events.OPENED, required=("title",)),
}
"""The actions that make a problem."""

_DIAGNOSE = Transition(to=State.OPEN, event=events.DIAGNOSED, required=("root_cause",), known=State.KNOWN_ERROR)
_WORKAROUND = Transition(
    to=State.OPEN, event=events.WORKAROUND_RECORDED, required=("workaround",), known=State.KNOWN_ERROR
)
_RESOLVE = Transition(to=State.RESOLVED, event=events.RESOLVED, required=("text",))
_REJECT = Transition(to=State.REJECTED, event=events.REJECTED, required=("reason",))
_REOPEN = Transition(to=State.OPEN, event=events.REOPENED, required=("reason",), known=State.KNOWN_ERROR)

TRANSITIONS: Mapping[tuple[State, Action], Transition] = {
    **{(state, Action.LINK): Transition(to=state, event=events.LINKED) for state in State},
    (State.PROPOSED, Action.ACCEPT): Transition(to=State.OPEN, event=events.ACCEPTED),
    (State.PROPOSED, Action.REJECT): _REJECT,
    (State.OPEN, Action.REJECT): _REJECT,
    (State.OPEN, Action.DIAGNOSE): _DIAGNOSE,
    (State.OPEN, Action.WORKAROUND): _WORKAROUND,
    (State.OPEN, Action.RESOLVE): _RESOLVE,
    (State.KNOWN_ERROR, Action.DIAGNOSE): _DIAGNOSE,
    (State.KNOWN_ERROR, Action.WORKAROUND): _WORKAROUND,
    (State.KNOWN_ERROR, Action.RESOLVE): _RESOLVE,
    (State.RESOLVED, Action.REOPEN): _REOPEN,
    (State.RESOLVED, Action.CLOSE): Transition(to=State.CLOSED, event=events.CLOSED),
    (State.REJECTED, Action.REOPEN): _REOPEN,
}
"""All that can be done to a problem. What is not in here is refused."""


def step(problem: Problem, action: Action, *, now: datetime, given: Mapping[str, Any], **changes: Any) -> Outcome:
    """Take `action` as the table says: the problem with `changes`, in its new state, and the event.

    `given` is what the caller gave; it travels in the event. Raises NotAllowed where the table has no such step,
    Invalid where a required field is missing or blank.
    """
    transition = TRANSITIONS.get((problem.state, action))
    if transition is None:
        raise NotAllowed(f"a problem that is {problem.state.value} cannot {action.value}")
    require(transition, given)
    changed = replace(problem, **changes, updated_at=max(now, problem.updated_at))
    after = replace(changed, state=_destination(transition, changed))
    change = {**given, "state_from": problem.state.value, "state_to": after.state.value}
    return after, (Event(type=transition.event, at=now, change=change),)


def _destination(transition: Transition, problem: Problem) -> State:
    is_known = bool(problem.root_cause and problem.workaround)
    return transition.known if transition.known is not None and is_known else transition.to


def require(transition: Transition, given: Mapping[str, Any]) -> None:
    """Raise Invalid for the first required field that is missing or blank."""
    for name in transition.required:
        value = given.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            raise Invalid(f"{name} is required", pointer=f"/args/{name}")
