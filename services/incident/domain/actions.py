"""One way to do anything to a record: look into the table, check what is needed, apply the rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.incident.domain.assignment import Accept, Assign, accept, assign
from services.incident.domain.closure import Cancel, Close, Reopen, Resolve, cancel, close, reopen, resolve
from services.incident.domain.conversation import LinkTo, Note, Prioritise, Visibility, link, note, prioritise
from services.incident.domain.levels import HandOver, escalate, hand_back
from services.incident.domain.lifecycle import ENDINGS, Action, Guard, Origin, Step, require, transition
from services.incident.domain.priority import PriorityTable
from services.incident.domain.record import MOST_TURNS, Incident
from services.incident.domain.waiting import Resume, Wait, resume, wait
from shared.errors import NotAllowed
from shared.event import Event

Arguments = Assign | Accept | HandOver | Wait | Resume | Note | Prioritise | Resolve | Reopen | Close | Cancel | LinkTo
Rule = Callable[[Incident, Any, Step], tuple[Incident, tuple[Event, ...]]]

RULES: Mapping[Action, Rule] = {
    Action.ASSIGN: assign,
    Action.ACCEPT: accept,
    Action.ESCALATE: escalate,
    Action.HAND_BACK: hand_back,
    Action.WAIT: wait,
    Action.RESUME: resume,
    Action.NOTE: note,
    Action.PRIORITISE: prioritise,
    Action.RESOLVE: resolve,
    Action.REOPEN: reopen,
    Action.CLOSE: close,
    Action.CANCEL: cancel,
    Action.LINK: link,
}


def perform(
    incident: Incident,
    action: Action,
    args: Arguments,
    now: datetime,
    *,
    priorities: PriorityTable,
    origin: Origin = Origin.LIVE,
) -> tuple[Incident, tuple[Event, ...]]:
    """Do it: the new state and its one event, or the same state and none when nothing changes.

    Raises NotAllowed when the table has no such entry, and (`too-many-changes`) for the next turn of a record that has
    had all it may have and is not ended by it; Invalid when an argument is missing or wrong.
    """
    entry = transition(incident.state, action, origin)
    if Guard.NOTHING_IN_HISTORY in entry.guards:
        return incident, ()
    require(entry, args)
    after, events = RULES[action](incident, args, Step(transition=entry, at=now, priorities=priorities))
    if not events or not is_turn(action, args):
        return after, events
    if incident.turns >= MOST_TURNS and action not in ENDINGS:
        raise NotAllowed(
            f"it has changed {MOST_TURNS} times; it can be resolved, closed, cancelled, linked or noted privately",
            slug="too-many-changes",
        )
    return replace(after, turns=incident.turns + 1), events


def is_turn(action: Action, args: Arguments) -> bool:
    """Whether clocks look at it: all that is done but links and private notes."""
    if isinstance(args, Note):
        return args.visibility is Visibility.PUBLIC
    return action is not Action.LINK
