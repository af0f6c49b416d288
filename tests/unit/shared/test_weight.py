"""What a commit weighs, and what becomes of one that would write too much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import bson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clock import FixedClock
from shared.envelope import Envelope
from shared.errors import DeskwireError, Invalid, TooLarge, Unstorable
from shared.ids import SequentialIds
from shared.store import INBOX, Writes
from shared.testing import MemoryStore, make_envelope, make_instant, make_unit_of_work
from shared.unit_of_work import Taken, UnitOfWork, Work
from shared.weight import MOST_DOCUMENTS, MOST_WRITTEN, Weight, check, weigh

MEGABYTE = 1024 * 1024


class WeighingStore(MemoryStore):
    """A store that remembers what each of its commits weighed."""

    def __init__(self) -> None:
        super().__init__()
        self.weights: list[Weight] = []

    def commit(self, writes: Writes) -> None:
        super().commit(writes)
        self.weights.append(weigh(writes))


def keep(work: Work, envelopes: Sequence[Envelope]) -> Mapping[str, DeskwireError]:
    """Keep as many bytes of each event as it asks for; refuse those that ask for fewer than none."""
    for envelope in envelopes:
        if envelope.data["bytes"] >= 0:
            work.append("kept", envelope.id, {"place": len(work.writes.inserts), "text": "x" * envelope.data["bytes"]})
    return {envelope.id: Invalid("no") for envelope in envelopes if envelope.data["bytes"] < 0}


def asking(*sizes: int) -> list[Envelope]:
    return [make_envelope(id=str(place), data={"bytes": size}) for place, size in enumerate(sizes)]


def take(store: MemoryStore, envelopes: Sequence[Envelope], block: Any = keep) -> Taken:
    return make_unit_of_work(store).take("sla", envelopes, block)


def test_a_commit_weighs_what_its_documents_have_in_the_database() -> None:
    rows = {key: {"_id": key, "text": key * 9} for key in ("a", "ü")}
    writes = Writes(
        inserts={"things": {"a": rows["a"]}}, updates={"other": {"ü": (1, rows["ü"])}}, deletes={"things": {"z": 4}}
    )
    found = weigh(writes)
    assert found.bytes == sum(len(bson.encode(row)) for row in rows.values())
    assert (found.documents, found.collections) == (3, {"things": 2, "other": 1})


def test_a_batch_that_would_write_too_much_is_split_and_all_of_it_is_handled_in_order() -> None:
    store = WeighingStore()
    taken = take(store, asking(*[MEGABYTE // 2] * 20))
    assert taken.handled == {str(place) for place in range(20)}
    assert list(store.collections["kept"]) == [str(place) for place in range(20)]
    assert all(one.bytes <= MOST_WRITTEN for one in store.weights)
    assert len(store.weights) > 1


def test_a_batch_of_many_small_documents_is_split_by_their_number() -> None:
    def scatter(work: Work, envelopes: Sequence[Envelope]) -> None:
        for envelope in envelopes:
            for place in range(MOST_DOCUMENTS // 3):
                work.append("kept", f"{envelope.id}:{place}", {})

    store = WeighingStore()
    assert len(take(store, asking(0, 0, 0, 0), scatter).handled) == 4
    assert all(one.documents <= MOST_DOCUMENTS for one in store.weights)


def test_an_event_that_alone_writes_too_much_is_refused_with_the_reason_and_the_others_are_handled() -> None:
    store = MemoryStore()
    taken = take(store, asking(10, 2 * MOST_WRITTEN, 10))
    assert taken.handled == {"0", "2"}
    refused = taken.rejected["1"]
    assert (type(refused), refused.slug) == (TooLarge, "too-large-to-store")
    assert str(MOST_WRITTEN) in refused.message
    assert sorted(store.collections[INBOX]) == ["sla:/monitor:0", "sla:/monitor:2"]


def test_what_no_database_can_hold_is_refused_alone_and_at_once() -> None:
    def number(work: Work, envelopes: Sequence[Envelope]) -> None:
        for envelope in envelopes:
            work.append("kept", envelope.id, {"n": 2 ** envelope.data["bytes"]})

    taken = take(MemoryStore(), asking(8, 80, 8), number)
    assert taken.handled == {"0", "2"}
    assert (type(taken.rejected["1"]), taken.rejected["1"].slug) == (Unstorable, "cannot-be-stored")


def test_a_command_that_would_write_too_much_is_refused_and_nothing_is_written() -> None:
    store = MemoryStore()
    with pytest.raises(TooLarge):
        make_unit_of_work(store).run(lambda work: work.append("kept", "a", {"text": "x" * 2 * MOST_WRITTEN}))
    assert store.collections == {}


def test_the_database_own_word_that_a_transaction_is_too_large_splits_it_too() -> None:
    class Narrow(MemoryStore):
        def commit(self, writes: Writes) -> None:
            if len(writes.inserts["kept"]) > 1:
                raise TooLarge("for this cache")
            super().commit(writes)

    store = Narrow()
    assert take(store, asking(1, 1, 1)).handled == {"0", "1", "2"}


def test_a_tick_does_as_much_at_a_time_as_fits_into_a_transaction() -> None:
    store = WeighingStore()

    def block(work: Work, most: int) -> int:
        for number in range(most):
            work.append("kept", str(number), {"text": "x" * (MEGABYTE // 2)})
        return most

    assert make_unit_of_work(store).run_fitting(block, 20) == 2
    assert len(store.collections["kept"]) == 2


def test_what_is_done_after_a_commit_is_done_for_each_part_of_a_batch_and_for_none_that_was_refused() -> None:
    told: list[str] = []

    def block(work: Work, envelopes: Sequence[Envelope]) -> None:
        keep(work, envelopes)
        for envelope in envelopes:
            work.afterwards(lambda envelope=envelope: told.append(envelope.id))

    take(MemoryStore(), asking(MEGABYTE, MEGABYTE, 2 * MOST_WRITTEN, MEGABYTE), block)
    assert told == ["0", "1", "3"]


def test_the_bound_names_the_heaviest_collection() -> None:
    writes = Writes(inserts={"small": {"a": {"_id": "a"}}, "large": {"b": {"_id": "b", "x": "x" * MOST_WRITTEN}}})
    with pytest.raises(TooLarge, match="large"):
        check(writes)


sizes = st.lists(st.sampled_from([-1, 10, MEGABYTE // 2, MEGABYTE, 3 * MEGABYTE]), max_size=8)


@settings(max_examples=40, deadline=None)
@given(sizes, st.lists(st.integers(0, 7), max_size=4))
def test_outcomes_cover_a_batch_however_it_is_split(wanted: list[int], copies: list[int]) -> None:
    envelopes = asking(*wanted)
    batch = [*envelopes, *(envelopes[place] for place in copies if place < len(envelopes))]
    store = WeighingStore()
    taken = take(store, batch)
    parts = [taken.handled, taken.duplicates, frozenset(taken.rejected)]
    assert sum(map(len, parts)) == len(frozenset().union(*parts)) == len(envelopes)
    assert all(one.bytes <= MOST_WRITTEN for one in store.weights)
    kept = set(store.collections.get("kept", {}))
    assert kept == taken.handled == {one.id for one in envelopes if 0 <= one.data["bytes"] < MOST_WRITTEN - 1000}


def test_after_a_standstill_a_batch_is_handled_in_as_many_parts_as_are_asked_for() -> None:
    store = WeighingStore()
    unit = UnitOfWork(store, FixedClock(make_instant()), SequentialIds(), share=lambda: 4)
    assert len(unit.take("sla", asking(*[1] * 10), keep).handled) == 10
    assert [one.collections["kept"] for one in store.weights] == [3, 3, 3, 1]
    assert unit.run_fitting(lambda _, most: most, 20) == 5
