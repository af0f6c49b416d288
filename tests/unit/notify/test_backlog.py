from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest

from services.notify.domain.fairness import Receiver
from services.notify.domain.rules import Channel
from services.notify.handlers.backlog import CROWDED, LOOK_AHEAD, RECEIVERS, Backlog
from shared.envelope import Lane
from shared.testing import MemoryStore, make_instant

NOW = make_instant()


def make_receiver(name: object) -> Receiver:
    return Receiver(channel=Channel.EMAIL, recipient=str(name))


def storing(*waiting: tuple[str, Lane]) -> MemoryStore:
    """Deliveries that are due, the oldest first."""
    store = MemoryStore()
    for number, (recipient, lane) in enumerate(waiting):
        row = {
            "channel": "email",
            "recipient": recipient,
            "lane": int(lane),
            "next_attempt_at": NOW - timedelta(hours=1) + timedelta(milliseconds=number),
        }
        store.collections.setdefault("deliveries", {})[str(number)] = {**row, "_id": str(number), "key": str(number)}
    return store


def look(
    backlog: Backlog, store: MemoryStore, lane: Lane = Lane.NORMAL, seconds: float = 0, but: Iterable[str] = ()
) -> list[str]:
    """The recipients that are found, without those in `but`, who are busy."""
    busy = set(but)
    steady = NOW + timedelta(seconds=seconds)
    found = backlog.look(lane, store, NOW, steady, lambda receiver, _: receiver.recipient not in busy, ())
    return [str(waiting.receiver.recipient) for waiting in found]


def test_each_receiver_has_its_turn_before_any_has_its_second() -> None:
    store = storing(*[("a", Lane.NORMAL)] * 3, ("b", Lane.NORMAL), *[("c", Lane.NORMAL)] * 2)
    assert look(Backlog("deliveries", []), store) == ["a", "b", "c", "a", "c", "a"]


def test_what_waits_for_one_receiver_hides_no_other() -> None:
    store = storing(*[("busy", Lane.NORMAL)] * (LOOK_AHEAD + 50), ("well", Lane.NORMAL))
    backlog = Backlog("deliveries", [make_receiver("busy"), make_receiver("well")])
    assert look(backlog, store, but=["busy"]) == ["well"]


def test_deliveries_for_whoever_left_the_address_book_are_found_however_many_there_are() -> None:
    store = storing(*[("gone", Lane.NORMAL)] * (LOOK_AHEAD + 50))
    backlog = Backlog("deliveries", [make_receiver("well")])
    assert set(look(backlog, store)) == {"gone"}
    # Not only by the look that found the lane crowded.
    assert set(look(backlog, store, seconds=1)) == {"gone"}


@pytest.mark.parametrize("receivers", [RECEIVERS + 1, 2 * RECEIVERS, 3 * RECEIVERS])
def test_in_crowded_lanes_every_receiver_is_asked_for_within_a_few_looks(receivers: int) -> None:
    waiting = [("busy", lane) for lane in Lane for _ in range(LOOK_AHEAD + 10)]
    waiting += [(str(number), lane) for lane in Lane for number in range(receivers)]
    store = storing(*waiting)
    backlog = Backlog("deliveries", [make_receiver("busy"), *map(make_receiver, range(receivers))])
    found: dict[Lane, set[str]] = {lane: set() for lane in Lane}
    for _ in range(receivers // RECEIVERS + 1):
        for lane in Lane:
            found[lane].update(look(backlog, store, lane, but=["busy"]))
    assert {lane: len(names) for lane, names in found.items()} == dict.fromkeys(Lane, receivers)


def test_a_lane_is_looked_at_as_a_whole_again_after_a_while() -> None:
    store = storing(*[("busy", Lane.NORMAL)] * LOOK_AHEAD, ("unheard of", Lane.NORMAL))
    backlog = Backlog("deliveries", [make_receiver("busy")])
    assert look(backlog, store, but=["busy"]) == []
    del store.collections["deliveries"]["0"]
    assert look(backlog, store, seconds=CROWDED.total_seconds(), but=["busy"]) == ["unheard of"]
