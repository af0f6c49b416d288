"""The use cases of notification: plan deliveries for events, send what is due, and what a person may ask."""

from services.notify.handlers.commands import cancel, find, get, resend
from services.notify.handlers.planning import Planning, take_events

__all__ = ["Planning", "cancel", "find", "get", "resend", "take_events"]
