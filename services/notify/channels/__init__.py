"""The ways out of the house. Each takes a delivery and answers with a result; none of them raises for the world."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from services.notify.channels.email import EmailChannel
from services.notify.channels.webhook import WebhookChannel
from services.notify.domain.delivery import Delivery
from services.notify.domain.outcome import Result
from services.notify.domain.rules import Channel
from services.notify.handlers.sending import Sender

__all__ = ["Channels", "EmailChannel", "WebhookChannel"]


class Channels:
    """Sends each delivery on its own channel."""

    def __init__(self, *, email: Sender, webhook: Sender) -> None:
        self._senders: Mapping[Channel, Sender] = {Channel.EMAIL: email, Channel.WEBHOOK: webhook}

    def send(self, key: str, delivery: Delivery, at: datetime, /) -> Result:
        """The result of the delivery's channel."""
        return self._senders[delivery.channel].send(key, delivery, at)
