"""The ways out of the house. Each takes a delivery and answers with a result; none of them raises for the world."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from services.notify.channels.email import EmailChannel
from services.notify.channels.webhook import WebhookChannel
from services.notify.domain.delivery import Delivery
from services.notify.domain.outcome import Progress, Result
from services.notify.domain.rules import Channel

__all__ = ["Channels", "EmailChannel", "WebhookChannel"]


class Sender(Protocol):
    """One channel."""

    @property
    def longest(self) -> float:
        """Seconds in which any attempt has ended."""
        ...

    def send(self, key: str, delivery: Delivery, at: datetime, progress: Progress, /) -> Result:
        """Hand one delivery over. Never raises for what the other side or the network does: the result says it."""
        ...


class Channels:
    """Sends each delivery on its own channel."""

    def __init__(self, *, email: Sender, webhook: Sender) -> None:
        self._senders: Mapping[Channel, Sender] = {Channel.EMAIL: email, Channel.WEBHOOK: webhook}

    def longest(self, channel: Channel) -> float:
        """Seconds in which an attempt on this channel has ended."""
        return self._senders[channel].longest

    def send(self, key: str, delivery: Delivery, at: datetime, progress: Progress, /) -> Result:
        """The result of the delivery's channel."""
        return self._senders[delivery.channel].send(key, delivery, at, progress)
