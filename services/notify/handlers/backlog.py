"""What is due: the urgent lane first, each receiver in its turn, so that what waits for one holds up no other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.notify.domain.fairness import Receiver
from services.notify.domain.rules import Channel
from shared.envelope import Lane
from shared.store import Document, Store

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""Before any delivery; it bounds the window of a query from below."""
LOOK_AHEAD = 200
"""How many due deliveries one look finds: a look costs what is due in all, not what it returns."""
CROWDED = timedelta(seconds=10)
"""For so long after a look that was full, receivers are asked for one by one: the oldest may all be for one of them."""
RECEIVERS = 32
"""How many receivers are asked for in one look; the others have their turn in the next."""
EACH = 10
"""How many deliveries of one receiver are found then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A delivery that is due."""

    key: str
    receiver: Receiver
    lane: Lane


Wanted = Callable[[Receiver, int], bool]
"""Whether anything could be sent to a receiver now."""


class Backlog:
    """Looks for what is due. `receivers` are those of the address book."""

    def __init__(self, collection: str, receivers: Sequence[Receiver]) -> None:
        self._collection = collection
        self._receivers = tuple(receivers)
        self._next = 0
        self._crowded_until = dict.fromkeys(Lane, EPOCH)

    def look(self, store: Store, now: datetime, wanted: Wanted, held: Collection[str]) -> list[Waiting]:
        """What is due and can be sent now, in the order in which it should be; without what is `held` already."""
        return [
            waiting
            for lane in Lane
            for waiting in in_turn(self._look_in(lane, store, now, wanted))
            if waiting.key not in held and wanted(waiting.receiver, lane)
        ]

    def _look_in(self, lane: Lane, store: Store, now: datetime, wanted: Wanted) -> Iterable[Waiting]:
        if now >= self._crowded_until[lane]:
            # Only what waits has a next attempt, so the lane and the window are enough.
            found = self._due(store, now, {"lane": int(lane)}, LOOK_AHEAD)
            if len(found) < LOOK_AHEAD:
                return found
            self._crowded_until[lane] = now + CROWDED
        return self._by_receiver(lane, store, now, wanted)

    def _by_receiver(self, lane: Lane, store: Store, now: datetime, wanted: Wanted) -> Iterator[Waiting]:
        turned = self._receivers[self._next :] + self._receivers[: self._next]
        asked = [receiver for receiver in turned if wanted(receiver, lane)][:RECEIVERS]
        if asked:
            self._next = (self._receivers.index(asked[-1]) + 1) % len(self._receivers)
        for receiver in asked:
            where = {"channel": receiver.channel.value, "recipient": receiver.recipient, "lane": int(lane)}
            yield from self._due(store, now, where, EACH)

    def _due(self, store: Store, now: datetime, where: Document, limit: int) -> list[Waiting]:
        rows = store.find(self._collection, where, limit=limit, sort="next_attempt_at", after=EPOCH, until=now)
        return [_waiting(row) for row in rows]


def in_turn(found: Iterable[Waiting]) -> list[Waiting]:
    """The first of every receiver, then the second of every one, and so on; among equals as they were found."""
    turns: Counter[Receiver] = Counter()
    ranked = []
    for waiting in found:
        turns[waiting.receiver] += 1
        ranked.append((turns[waiting.receiver], waiting))
    return [waiting for _, waiting in sorted(ranked, key=lambda pair: pair[0])]


def _waiting(row: Document) -> Waiting:
    receiver = Receiver(channel=Channel(row["channel"]), recipient=row["recipient"])
    return Waiting(key=row["_id"], receiver=receiver, lane=Lane(row["lane"]))
