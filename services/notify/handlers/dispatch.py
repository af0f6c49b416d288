"""Keeps deliveries on their way: attempts begin as places come free and are recorded as they end.

No step waits for its slowest: an attempt that takes long goes on beside the next ones (`domain.fairness`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from services.notify.domain.delivery import Delivery
from services.notify.domain.fairness import Admission, Attempting, Places, Receiver, Traffic
from services.notify.domain.outcome import Outcome, Result
from services.notify.domain.rules import Channel
from services.notify.handlers.backlog import EPOCH, Backlog, Waiting
from services.notify.handlers.rounds import Fence, Rounds, Tried
from shared.storage import Stored
from shared.unit_of_work import UnitOfWork

STEP = timedelta(seconds=1)
"""How long one step goes on before it looks again for what is urgent."""
READY = 100
"""How many deliveries are taken up ahead of their places, at most."""
READY_EACH = 20
"""How many of them for one receiver; of one that fails or is slow no more than can begin."""

Ended = tuple[Channel, Outcome]


class Crew(Protocol):
    """Makes attempts, each by itself."""

    def begin(self, taken: Stored[Delivery], at: datetime) -> None:
        """Begin an attempt; returns at once."""
        ...

    def ended(self) -> list[tuple[Stored[Delivery], Result | None]]:
        """What has ended: waits a moment for the first, and gathers those that end together with it.

        None as a result: it was broken off before the message left, and is as if it had not been begun.
        """
        ...

    def break_off(self) -> None:
        """End all attempts now; `ended` gives them."""
        ...


class Dispatcher:
    """Sends what is due, one `step` at a time, for the holder of the lease of sending."""

    def __init__(
        self, unit_of_work: UnitOfWork, *, rounds: Rounds, backlog: Backlog, places: Places, crew: Crew
    ) -> None:
        self._unit_of_work = unit_of_work
        self._rounds = rounds
        self._backlog = backlog
        self._crew = crew
        self._traffic = Traffic(places=places)
        self._ready: dict[str, Stored[Delivery]] = {}
        self._tried: list[Tried] = []
        self._fence: Fence | None = None
        self._renew_at = EPOCH

    def step(self, fence: Fence | None, stopping: Callable[[], bool]) -> list[Ended]:
        """Begin what may begin, and record what has ended; returns how each attempt ended.

        Begins nothing once the process is `stopping`, nor without the lease (`fence` is None). Returns when there is
        nothing more to do at this moment, and after STEP in any case.
        """
        if fence is None:
            self._ready.clear()
            return self._record()
        self._hold(fence)
        if not stopping():
            self._take_up()
        started = self._now()
        ended: list[Ended] = []
        while True:
            if not stopping():
                self._begin()
            found = self._record()
            ended += found
            if not found or self._now() - started >= STEP:
                return ended

    def wind_up(self, patience: timedelta) -> list[Ended]:
        """For an orderly stop: let attempts end for as long as `patience`, break the others off, and give all back."""
        if self._fence is None:
            return []
        self._ready.clear()
        deadline = self._now() + patience
        ended: list[Ended] = []
        while self._traffic.attempting and self._now() < deadline:
            ended += self._record()
        self._crew.break_off()
        while self._traffic.attempting:
            ended += self._record()
        self._settle()
        return ended

    def failing(self) -> Sequence[Receiver]:
        """The receivers that are tried by one delivery at a time because they fail."""
        return tuple(self._traffic.failing())

    def _now(self) -> datetime:
        return self._unit_of_work.clock.now()

    def _hold(self, fence: Fence) -> None:
        if fence != self._fence:
            # Somebody else had the lease meanwhile: what was taken up for later may be theirs by now.
            self._fence = fence
            self._ready.clear()

    def _held(self) -> set[str]:
        return {*self._ready, *self._traffic.attempting, *(stored.key for stored, _ in self._tried)}

    def _take_up(self) -> None:
        """Fill up what is ready, and renew what is on its way before it counts as left behind."""
        room = READY - len(self._ready)
        now = self._now()
        found = self._backlog.look(self._unit_of_work.store, now, partial(self._wanted, now), self._held())
        keys = self._chosen(found, room, now)
        if keys or (self._held() and now >= self._renew_at):
            block = partial(self._rounds.take_up, keys=keys, held=self._held(), fence=self._holding())
            self._ready |= {stored.key: stored for stored in self._unit_of_work.run(block)}
            self._renew_at = now + self._rounds.lease / 3

    def _wanted(self, now: datetime, receiver: Receiver, lane: int) -> bool:
        admission = self._traffic.admit(receiver, lane, now)
        return admission in (Admission.ADMITTED, Admission.NO_PLACE, Admission.KEPT_FOR_URGENT)

    def _chosen(self, found: Sequence[Waiting], room: int, now: datetime) -> list[str]:
        """Those for which there is room, each receiver within its share; where it has none ready there always is."""
        ready = Counter(receiver_of(stored.state) for stored in self._ready.values())
        keys: list[str] = []
        for waiting in found:
            receiver = waiting.receiver
            share = 1 if self._traffic.most(receiver, now) == 1 else READY_EACH
            if ready[receiver] == 0 or (ready[receiver] < share and len(keys) < room):
                keys.append(waiting.key)
                ready[receiver] += 1
        return keys

    def _begin(self) -> None:
        """Begin what is admitted: the urgent lane first, then whose receiver has the least on its way."""
        going = Counter(attempting.receiver for attempting in self._traffic.attempting.values())
        order = {key: (stored.state.lane, going[receiver_of(stored.state)]) for key, stored in self._ready.items()}
        for stored in sorted(self._ready.values(), key=lambda stored: order[stored.key]):
            now, receiver, lane = self._now(), receiver_of(stored.state), stored.state.lane
            if self._traffic.admit(receiver, lane, now) is Admission.ADMITTED:
                del self._ready[stored.key]
                self._traffic = self._traffic.begun(
                    stored.key, Attempting(receiver=receiver, lane=lane, started_at=now)
                )
                self._crew.begin(stored, now)

    def _record(self) -> list[Ended]:
        if not self._traffic.attempting and not self._tried:
            return []
        for stored, result in self._crew.ended():
            if result is None:
                self._traffic = self._traffic.dropped(stored.key)
            else:
                self._traffic = self._traffic.ended(stored.key, result, self._now())
                self._tried.append((stored, result))
        return self._settle() if self._tried else []

    def _settle(self) -> list[Ended]:
        """Record what has ended. What cannot be recorded now is kept for the next time."""
        tried = tuple(self._tried)
        held = self._held() - {stored.key for stored, _ in tried}
        block = partial(self._rounds.settle, tried=tried, held=held, fence=self._holding())
        self._unit_of_work.run(block)
        self._renew_at = self._now() + self._rounds.lease / 3
        self._tried = self._tried[len(tried) :]
        return [(stored.state.channel, result.outcome) for stored, result in tried]

    def _holding(self) -> Fence:
        if self._fence is None:
            raise RuntimeError("nothing is sent before a lease is held")
        return self._fence


def receiver_of(delivery: Delivery) -> Receiver:
    """Who a delivery goes to."""
    return Receiver(channel=delivery.channel, recipient=delivery.recipient)
