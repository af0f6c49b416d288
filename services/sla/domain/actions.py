"""What a threshold may ask for. A new action is one more line in each of the two places below."""

from __future__ import annotations

from enum import StrEnum


class Action(StrEnum):
    """What shall be done when a threshold is passed. sla asks for it in the threshold's event; others do it."""

    NOTIFY = "notify"
    RAISE_PRIORITY = "raise_priority"
    ESCALATE_LEVEL = "escalate_level"
    ESCALATE_MANAGER = "escalate_manager"
    REASSIGN_ON_CALL = "reassign_on_call"


ACTIONS = {
    Action.NOTIFY: "Tell the people concerned.",
    Action.RAISE_PRIORITY: "Raise the incident's priority by one.",
    Action.ESCALATE_LEVEL: "Hand the incident to the next support level (functional escalation).",
    Action.ESCALATE_MANAGER: "Bring it to the manager of the team in charge (hierarchical escalation).",
    Action.REASSIGN_ON_CALL: "Give the incident to whoever is on call.",
}
"""What each action asks for."""
