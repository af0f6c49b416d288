"""One way to do anything to a record: look into the table, check what is needed, apply the rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from services.incident.domain.assignment import Accept, Assign, accept, assign
from services.incident.domain.closure import Cancel, Close, Reopen, Resolve, cancel, close, reopen, resolve
from services.incident.domain.conversation import LinkTo, Note, Prioritise, link, note, prioritise
from services.incident.domain.levels import HandOver, escalate, hand_back
from services.incident.domain.lifecycle import Action, Guard, Origin, Step, require, transition
from services.incident.domain.priority import PriorityTable
from services.incident.domain.record import Incident
from services.incident.domain.waiting import Resume, Wait, resume, wait
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

    Raises NotAllowed when the table has no such entry, Invalid when an argument is missing or wrong.
    """
    entry = transition(incident.state, action, origin)
    if Guard.NOTHING_IN_HISTORY in entry.guards:
        return incident, ()
    require(entry, args)
    return RULES[action](incident, args, Step(transition=entry, at=now, priorities=priorities))
