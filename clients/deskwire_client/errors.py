"""What can go wrong, each kind with the one thing that the caller can do about it."""

from __future__ import annotations


class ClientError(Exception):
    """Any error that this package raises on purpose."""


class InvalidField(ClientError):
    """A field breaks a rule: nothing was sent and nothing was kept. `field` names it, the message says the rule."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")
        self.field = field
        self.rule = rule


class NotDelivered(ClientError):
    """The broker did not confirm the event in time and there is no spool: report it again with the same id."""

    def __init__(self, event_id: str, reason: str) -> None:
        super().__init__(f"event {event_id} is not delivered: {reason}")
        self.event_id = event_id
        self.reason = reason


class SpoolFull(ClientError):
    """The broker is away and the spool is at its bound, or its disk is: the event is not kept."""
