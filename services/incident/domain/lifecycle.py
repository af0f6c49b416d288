"""The state table of incidents: what may be done in which state, where it leads and what it needs.

The states are those of ITIL 4's incident management practice (logging, handling, waiting, resolution, closure). The
table is read by the rules, the API, the documents and the tests; nothing else decides what is allowed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.incident.domain.priority import PriorityTable
from services.incident.domain.record import UNFINISHED, State
from shared.errors import Invalid, NotAllowed
from shared.names import is_blank


class Action(StrEnum):
    """What can be done to a record; the names of the commands."""

    OPEN = "open"
    ASSIGN = "assign"
    ESCALATE = "escalate"
    HAND_BACK = "hand_back"
    ACCEPT = "accept"
    WAIT = "wait"
    RESUME = "resume"
    NOTE = "note"
    PRIORITISE = "prioritise"
    RESOLVE = "resolve"
    REOPEN = "reopen"
    CLOSE = "close"
    CANCEL = "cancel"
    LINK = "link"


ENDINGS = frozenset({Action.RESOLVE, Action.CLOSE, Action.CANCEL})
"""What ends the work on a record: it is never too late for these."""


class Origin(StrEnum):
    """Whether it is done now, or was done long ago and is brought over from another desk."""

    LIVE = "live"
    HISTORY = "history"


class Guard(StrEnum):
    """A condition beside the state."""

    NONE = "none"
    HISTORY_ONLY = "history_only"
    """Only history brought over may do this: another desk's rules were others."""
    NOTHING_IN_HISTORY = "nothing_in_history"
    """In history it is a repetition and changes nothing; done now it is refused."""
    GOES_UP = "goes_up"
    GOES_DOWN = "goes_down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One entry: the state it leads to, others it may lead to (the rule of the action says when), what it needs."""

    state: State
    others: tuple[State, ...] = ()
    guards: tuple[Guard, ...] = ()
    required: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a rule gets beside the record and the arguments: its entry of the table, when it happened, priorities."""

    transition: Transition
    at: datetime
    priorities: PriorityTable


Table = dict[tuple[State | None, Action], Transition]
_REPEATED = (Guard.NOTHING_IN_HISTORY,)
_SETTLED = (State.RESOLVED, State.CLOSED)


def _leads(action: Action, states: Iterable[State], transition: Transition) -> Table:
    return {(state, action): transition for state in states}


def _stays(action: Action, states: Iterable[State], *guards: Guard, required: tuple[str, ...] = ()) -> Table:
    return {(state, action): Transition(state=state, guards=guards, required=required) for state in states}


TABLE: Table = {
    (None, Action.OPEN): Transition(state=State.NEW, others=(State.ASSIGNED,), required=("title",)),
    **_leads(Action.ASSIGN, UNFINISHED, Transition(state=State.ASSIGNED)),
    **_leads(Action.ACCEPT, UNFINISHED, Transition(state=State.IN_PROGRESS)),
    **_leads(Action.WAIT, UNFINISHED, Transition(state=State.WAITING, required=("reason",))),
    (State.WAITING, Action.RESUME): Transition(state=State.IN_PROGRESS, others=(State.ASSIGNED, State.NEW)),
    **_leads(
        Action.ESCALATE,
        UNFINISHED,
        Transition(state=State.ASSIGNED, others=(State.NEW,), guards=(Guard.GOES_UP,), required=("summary",)),
    ),
    **_stays(Action.ESCALATE, _SETTLED, Guard.HISTORY_ONLY, Guard.GOES_UP, required=("summary",)),
    **_leads(
        Action.HAND_BACK,
        UNFINISHED,
        Transition(state=State.ASSIGNED, others=(State.NEW,), guards=(Guard.GOES_DOWN,), required=("summary",)),
    ),
    **_stays(Action.HAND_BACK, _SETTLED, Guard.HISTORY_ONLY, Guard.GOES_DOWN, required=("summary",)),
    **_stays(Action.NOTE, State, required=("text",)),
    **_stays(Action.LINK, State, required=("kind", "number")),
    **_stays(Action.PRIORITISE, [*UNFINISHED, State.RESOLVED]),
    **_stays(Action.PRIORITISE, [State.CLOSED], Guard.HISTORY_ONLY),
    **_leads(Action.RESOLVE, UNFINISHED, Transition(state=State.RESOLVED, required=("code",))),
    **_stays(Action.RESOLVE, [State.RESOLVED, State.CLOSED, State.CANCELLED], *_REPEATED),
    **_leads(Action.CLOSE, UNFINISHED, Transition(state=State.CLOSED, required=("code",))),
    (State.RESOLVED, Action.CLOSE): Transition(state=State.CLOSED),
    **_stays(Action.CLOSE, [State.CLOSED, State.CANCELLED], *_REPEATED),
    **_leads(Action.CANCEL, UNFINISHED, Transition(state=State.CANCELLED)),
    **_stays(Action.CANCEL, [State.RESOLVED, State.CLOSED, State.CANCELLED], *_REPEATED),
    **_leads(
        Action.REOPEN,
        [State.RESOLVED, State.CLOSED],
        Transition(state=State.ASSIGNED, others=(State.IN_PROGRESS, State.NEW)),
    ),
    (State.CANCELLED, Action.REOPEN): Transition(
        state=State.ASSIGNED,
        others=(State.IN_PROGRESS, State.NEW),
        guards=(Guard.HISTORY_ONLY,),
    ),
}


def allowed(state: State, origin: Origin = Origin.LIVE) -> tuple[Action, ...]:
    """What may be done to a record in `state`, in the order of `Action`."""
    return tuple(action for action in Action if _permits(TABLE.get((state, action)), origin))


def transition(state: State | None, action: Action, origin: Origin) -> Transition:
    """The entry for an action. Raises NotAllowed, which names what is allowed instead."""
    entry = TABLE.get((state, action))
    if entry is None or not _permits(entry, origin):
        options = ", ".join(allowed(state, origin)) if state is not None else Action.OPEN
        raise NotAllowed(f"{action} is not possible while it is {state or 'not there'}; possible are: {options}")
    return entry


def _permits(entry: Transition | None, origin: Origin) -> bool:
    if entry is None:
        return False
    return origin is Origin.HISTORY or not {Guard.HISTORY_ONLY, Guard.NOTHING_IN_HISTORY} & set(entry.guards)


def require(entry: Transition, arguments: object) -> None:
    """Check what the entry needs. Raises Invalid with the pointer of the first that is missing or shows nothing."""
    for name in entry.required:
        value = getattr(arguments, name)
        if value is None or is_blank(str(value)):
            raise Invalid(f"{name} is needed", pointer=f"/args/{name}")
