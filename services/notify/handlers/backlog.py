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

EPOCH = datetime(1900, 1, 1, tzinfo=UTC)
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


Wanted = Callable[[Receiver, Lane], bool]
"""Whether anything could be sent to a receiver now."""


class Backlog:
    """Looks for what is due. `receivers` are those of the address book; others are learned when they are met."""

    def __init__(self, collection: str, receivers: Sequence[Receiver]) -> None:
        self._collection = collection
        self._receivers = list(receivers)
        self._next = dict.fromkeys(Lane, 0)
        self._crowded_until = dict.fromkeys(Lane, EPOCH)

    def look(
        self, lane: Lane, store: Store, now: datetime, steady: datetime, wanted: Wanted, held: Collection[str]
    ) -> list[Waiting]:
        """What is due at `now` in this lane and can be sent, in the order in which it should be.

        Without what is `held` already. `steady` is the time by which looks are spaced.
        """
        found = {waiting.key: waiting for waiting in self._found(lane, store, now, steady, wanted)}
        return in_turn(one for key, one in found.items() if key not in held and wanted(one.receiver, lane))

    def _found(self, lane: Lane, store: Store, now: datetime, steady: datetime, wanted: Wanted) -> Iterator[Waiting]:
        if not self._crowded_until[lane] > steady:
            # Only what waits has a next attempt, so the lane and the window are enough.
            found = self._due(store, now, {"lane": int(lane)}, LOOK_AHEAD)
            yield from found
            if len(found) < LOOK_AHEAD:
                return
            self._crowded_until[lane] = steady + CROWDED
            # Whoever is not in the address book any more has deliveries that must come to their end.
            self._receivers += dict.fromkeys(one.receiver for one in found if one.receiver not in self._receivers)
        yield from self._by_receiver(lane, store, now, wanted)

    def _by_receiver(self, lane: Lane, store: Store, now: datetime, wanted: Wanted) -> Iterator[Waiting]:
        first = self._next[lane]
        turned = [*range(first, len(self._receivers)), *range(first)]
        asked = 0
        for place in turned:
            receiver = self._receivers[place]
            if not wanted(receiver, lane):
                continue
            if asked == RECEIVERS:
                self._next[lane] = place
                return
            asked += 1
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
