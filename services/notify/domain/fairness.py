"""Who may be sent to now: places are shared among receivers, and one that is slow or fails holds up itself alone.

A receiver is a channel and a recipient; the mail server is one more, because all mail goes through it. What a receiver
does is remembered in the process that sends, and is learned anew by the next one. All pure; `now` is steady time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.notify.domain.outcome import Origin, Outcome, Result
from services.notify.domain.rules import URGENT, Addresses, Channel

LONG = timedelta(seconds=2)
"""An attempt that takes longer gives its place back, and goes on beside the others."""
FAILING_AFTER = 3
"""Failures in a row that make a receiver a failing one: a single refusal is about a message, not about its receiver."""
FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=1)
"""Between the trials of a failing receiver: doubled each time, up to the latter."""
LONGEST_ASKED = timedelta(hours=1)
"""How long a receiver is left alone at its own request; the delivery it answered waits longer where that was asked."""


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
class Attempting:
    """One attempt that goes on."""

    receiver: Receiver
    lane: int
    started_at: datetime

    def is_long(self, now: datetime) -> bool:
        """Whether it has given its place back."""
        return now - self.started_at > LONG


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What a receiver did lately.

    `quiet_until` ends the pause before the next trial of one that fails, `asked_until` the one it asked for.
    """

    failures: int = 0
    failed_at: datetime | None = None
    slow: bool = False
    quiet_until: datetime | None = None
    asked_until: datetime | None = None

    @property
    def failing(self) -> bool:
        """Whether it is tried by one delivery at a time, with pauses."""
        return self.failures >= FAILING_AFTER

    def pauses(self, now: datetime) -> bool:
        """Whether it is left alone now."""
        return any(until is not None and now < until for until in (self.quiet_until, self.asked_until))

    def after(self, result: Result, attempt: Attempting, now: datetime) -> Health:
        """The health after one more attempt. A success, or a refusal of one message for good, clears failures.

        Attempts that go on side by side fail together, and count as one failure.
        """
        slow = now - attempt.started_at > LONG
        if result.outcome in (Outcome.SENT, Outcome.PERMANENT):
            return Health(slow=slow, asked_until=self.asked_until)
        asked_until = self.asked_until
        if result.retry_after is not None:
            asked = now + min(result.retry_after, LONGEST_ASKED)
            asked_until = asked if asked_until is None else max(asked, asked_until)
        if self.failed_at is not None and attempt.started_at < self.failed_at:
            return replace(self, slow=slow or self.slow, asked_until=asked_until)
        failures = self.failures + 1
        quiet_until = now + _pause(failures) if failures >= FAILING_AFTER else None
        return Health(failures=failures, failed_at=now, slow=slow, quiet_until=quiet_until, asked_until=asked_until)


def _pause(failures: int) -> timedelta:
    doubled: int = 2 ** min(failures - FAILING_AFTER, 10)
    return min(FIRST_PAUSE * doubled, LONGEST_PAUSE)


HEALTHY = Health()


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """How many attempts go on at once.

    `total` counts those that are not long yet; `urgent` of them are for the urgent lane alone; `each` is the most for
    one receiver. `in_all` counts the long ones, too, and bounds memory; one channel has at most half of it.
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

    def share(self, places: int, lane: int) -> int:
        """What of so many places a lane may have: the urgent one all, the others leave its part."""
        return places if lane == URGENT else places * (self.total - self.urgent) // self.total


class Admission(StrEnum):
    """Whether an attempt may begin, and what it waits for when not."""

    ADMITTED = "admitted"
    NO_PLACE = "no_place"
    CHANNEL_FULL = "channel_full"
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
        """Whether an attempt to `receiver` may begin now."""
        if not self.has_place(lane, now):
            return Admission.NO_PLACE
        server, health = self._health(receiver.server), self._health(receiver)
        if server.pauses(now):
            return Admission.SERVER_PAUSED
        if health.pauses(now):
            return Admission.RECEIVER_PAUSED
        channel = [one for one in self.attempting.values() if one.receiver.channel is receiver.channel]
        if server.failing and channel and not _may_pass(lane, channel, now):
            return Admission.SERVER_BUSY
        if len(channel) >= self.places.share(self.places.in_all // 2, lane):
            return Admission.CHANNEL_FULL
        to_it = list(self._to(receiver))
        most = 1 if self._ails(receiver, now) else self.places.each
        busy = len(to_it) >= most and not _may_pass(lane, to_it, now)
        return Admission.RECEIVER_BUSY if busy else Admission.ADMITTED

    def has_place(self, lane: int, now: datetime) -> bool:
        """Whether there is a place for anybody in this lane."""
        short = sum(not attempt.is_long(now) for attempt in self.attempting.values())
        places = self.places
        return short < places.share(places.total, lane) and len(self.attempting) < places.share(places.in_all, lane)

    def begun(self, key: str, attempt: Attempting) -> Traffic:
        """With one more attempt, known by `key`."""
        return replace(self, attempting={**self.attempting, key: attempt})

    def dropped(self, key: str) -> Traffic:
        """Without the attempt, which tells nothing of its receiver."""
        return replace(self, attempting={one: what for one, what in self.attempting.items() if one != key})

    def ended(self, key: str, result: Result, now: datetime) -> Traffic:
        """Without the attempt, and with what its end tells of the receiver and its server.

        An answer to a recipient shows that the server is well; where none came, it says nothing of the server.
        """
        attempt = self.attempting[key]
        receiver, health = attempt.receiver, dict(self.health)
        if result.origin is Origin.SERVER:
            health[receiver.server] = self._health(receiver.server).after(result, attempt, now)
        if result.origin is Origin.RECIPIENT:
            health[receiver] = self._health(receiver).after(result, attempt, now)
            if result.status:
                health.pop(receiver.server, None)
        well = {who: how for who, how in health.items() if how != HEALTHY}
        return replace(self.dropped(key), health=well)

    def ailing(self, now: datetime) -> Iterator[Receiver]:
        """The receivers, and servers, that are left alone or tried by one delivery at a time because they fail."""
        return (receiver for receiver, health in self.health.items() if health.failing or health.pauses(now))

    def _ails(self, receiver: Receiver, now: datetime) -> bool:
        """Whether it fails, was slow, or is slow at this moment."""
        health = self._health(receiver)
        return health.failing or health.slow or any(attempt.is_long(now) for attempt in self._to(receiver))

    def _to(self, receiver: Receiver) -> Iterable[Attempting]:
        return (attempt for attempt in self.attempting.values() if attempt.receiver == receiver)

    def _health(self, receiver: Receiver) -> Health:
        return self.health.get(receiver, HEALTHY)


def _may_pass(lane: int, attempts: Iterable[Attempting], now: datetime) -> bool:
    """Whether what is urgent goes beside attempts that hang: one of it, where all the others take long."""
    return lane == URGENT and all(attempt.is_long(now) and attempt.lane != URGENT for attempt in attempts)
