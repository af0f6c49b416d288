"""Who may be sent to now: places are shared among receivers, and one that is slow or fails holds up itself alone.

A receiver is a channel and a recipient; the mail server is one more, because all mail goes through it. What a receiver
does is remembered in the process that sends, and is learned anew by the next one. All pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.notify.domain.outcome import Origin, Outcome, Result
from services.notify.domain.patience import LONGEST_RETRY_AFTER
from services.notify.domain.rules import URGENT, Addresses, Channel

LONG = timedelta(seconds=2)
"""An attempt that takes longer gives its place back, and goes on beside the others."""
FAILING_AFTER = 3
"""Failures in a row that make a receiver a failing one: a single refusal is about a message, not about its receiver."""
FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=1)
"""Between the trials of a failing receiver: doubled each time, up to the latter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Who something goes to. Without a recipient it is the server that serves all recipients of the channel."""

    channel: Channel
    recipient: str | None = None

    @property
    def server(self) -> Receiver:
        """The server behind it."""
        return Receiver(channel=self.channel)


def receivers(addresses: Addresses) -> tuple[Receiver, ...]:
    """Everybody who can be sent to."""
    by_email = (Receiver(channel=Channel.EMAIL, recipient=name) for name in addresses.emails)
    by_webhook = (Receiver(channel=Channel.WEBHOOK, recipient=name) for name in addresses.webhooks)
    return (*by_email, *by_webhook)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What a receiver did lately."""

    failures: int = 0
    slow: bool = False
    quiet_until: datetime | None = None

    @property
    def failing(self) -> bool:
        """Whether it is tried by one delivery at a time, with pauses."""
        return self.failures >= FAILING_AFTER

    def pauses(self, now: datetime) -> bool:
        """Whether it is left alone now."""
        return self.quiet_until is not None and now < self.quiet_until

    def after(self, result: Result, took: timedelta, now: datetime) -> Health:
        """The health after one more attempt: a success, or a refusal of one message for good, clears failures.

        `Retry-After` is a pause at once, whatever came before.
        """
        slow = took > LONG
        if result.outcome in (Outcome.SENT, Outcome.PERMANENT):
            return Health(slow=slow)
        failures = self.failures + 1
        pause = timedelta()
        if failures >= FAILING_AFTER:
            pause = min(FIRST_PAUSE * 2 ** min(failures - FAILING_AFTER, 10), LONGEST_PAUSE)
        if result.retry_after is not None:
            pause = max(pause, min(result.retry_after, LONGEST_RETRY_AFTER))
        quiet_until = now + pause if pause else None
        return Health(failures=failures, slow=slow, quiet_until=quiet_until)


HEALTHY = Health()


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """How many attempts go on at once.

    `total` counts those that are not long yet; `urgent` of them are for the urgent lane alone; `each` is the most for
    one receiver. `in_all` counts the long ones, too, and bounds memory.
    """

    total: int
    urgent: int
    each: int
    in_all: int

    @classmethod
    def of(cls, total: int) -> Places:
        """The shares of `total` places: a quarter for the urgent lane, half for one receiver at most."""
        urgent = max(1, total // 4) if total > 1 else 0
        return cls(total=total, urgent=urgent, each=max(1, total // 2), in_all=total * 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempting:
    """One attempt that goes on."""

    receiver: Receiver
    lane: int
    started_at: datetime


class Admission(StrEnum):
    """Whether an attempt may begin, and what it waits for when not."""

    ADMITTED = "admitted"
    NO_PLACE = "no_place"
    KEPT_FOR_URGENT = "kept_for_urgent"
    RECEIVER_BUSY = "receiver_busy"
    RECEIVER_PAUSED = "receiver_paused"
    SERVER_BUSY = "server_busy"
    SERVER_PAUSED = "server_paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What goes on now, and how the receivers are; those not in `health` are well."""

    places: Places
    attempting: Mapping[str, Attempting] = field(default_factory=dict)
    health: Mapping[Receiver, Health] = field(default_factory=dict)

    def admit(self, receiver: Receiver, lane: int, now: datetime) -> Admission:
        """Whether an attempt to `receiver` may begin now: its server, the receiver, and the places are asked."""
        server, health = self._health(receiver.server), self._health(receiver)
        if server.pauses(now):
            return Admission.SERVER_PAUSED
        if server.failing and any(one.receiver.server == receiver.server for one in self.attempting.values()):
            return Admission.SERVER_BUSY
        if health.pauses(now):
            return Admission.RECEIVER_PAUSED
        if sum(one.receiver == receiver for one in self.attempting.values()) >= self.most(receiver, now):
            return Admission.RECEIVER_BUSY
        return self._place(lane, now)

    def most(self, receiver: Receiver, now: datetime) -> int:
        """How many attempts to it go on at once: one where it fails, was slow, or is slow at this moment."""
        health = self._health(receiver)
        ailing = (
            health.failing
            or health.slow
            or any(one.receiver == receiver and now - one.started_at > LONG for one in self.attempting.values())
        )
        return 1 if ailing else self.places.each

    def begun(self, key: str, attempting: Attempting) -> Traffic:
        """With one more attempt, known by `key`."""
        return replace(self, attempting={**self.attempting, key: attempting})

    def dropped(self, key: str) -> Traffic:
        """Without the attempt, which tells nothing of its receiver."""
        return replace(self, attempting={one: what for one, what in self.attempting.items() if one != key})

    def ended(self, key: str, result: Result, now: datetime) -> Traffic:
        """Without the attempt, and with what its end tells of the receiver and its server.

        Whatever came as far as the recipient shows that the server is well.
        """
        ended = self.attempting[key]
        took, server = now - ended.started_at, ended.receiver.server
        health = dict(self.health)
        if result.origin is Origin.SERVER:
            health[server] = self._health(server).after(result, took, now)
        else:
            health.pop(server, None)
            health[ended.receiver] = self._health(ended.receiver).after(result, took, now)
        return replace(self.dropped(key), health={who: how for who, how in health.items() if how != HEALTHY})

    def failing(self) -> Iterable[Receiver]:
        """The receivers, and servers, that are tried by one delivery at a time."""
        return (receiver for receiver, health in self.health.items() if health.failing)

    def _health(self, receiver: Receiver) -> Health:
        return self.health.get(receiver, HEALTHY)

    def _place(self, lane: int, now: datetime) -> Admission:
        urgent = lane == URGENT
        short = sum(now - one.started_at <= LONG for one in self.attempting.values())
        if len(self.attempting) >= self.places.in_all or short >= self.places.total:
            return Admission.NO_PLACE
        share = self.places.total - self.places.urgent
        rest = self.places.in_all * share // self.places.total
        if not urgent and (short >= share or len(self.attempting) >= rest):
            return Admission.KEPT_FOR_URGENT
        return Admission.ADMITTED
