"""The use cases of notification: plan deliveries for events, send what is due, and what a person may ask."""

from services.notify.handlers.commands import cancel, find, get, resend
from services.notify.handlers.planning import on_events
from services.notify.handlers.sending import due, send_due, settle, settle_all, take_up

__all__ = ["cancel", "due", "find", "get", "on_events", "resend", "send_due", "settle", "settle_all", "take_up"]
