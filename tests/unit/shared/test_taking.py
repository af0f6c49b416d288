"""Events handled once in effect, and commands answered once, however often they come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.envelope import Envelope
from shared.errors import Invalid, Rejected
from shared.store import INBOX, Document
from shared.testing import MemoryStore, make_envelope, make_unit_of_work
from shared.unit_of_work import Taken, Work, rounds
from tests.unit.shared.contested import ContestedStore, count_up, keep_all, seen


def take(store: MemoryStore, *envelopes: Envelope, block: Any = keep_all) -> Taken:
    return make_unit_of_work(store).take("sla", envelopes, block)


def test_an_event_has_its_effect_once_however_often_it_comes() -> None:
    store = MemoryStore()
    assert take(store, make_envelope(id="1")).handled == {"1"}
    again = take(store, make_envelope(id="1"), make_envelope(id="2"))
    assert (again.handled, again.duplicates) == ({"2"}, {"1"})
    assert seen(store) == ["/monitor:1", "/monitor:2"]


def test_copies_within_a_batch_are_handled_once() -> None:
    store = MemoryStore()
    taken = take(store, *[make_envelope(id="1")] * 4)
    assert (taken.handled, taken.duplicates) == ({"1"}, frozenset())
    assert seen(store) == ["/monitor:1"]


def test_the_same_id_of_another_source_and_of_another_consumer_is_another_event() -> None:
    store = MemoryStore()
    take(store, make_envelope(id="1"))
    assert take(store, make_envelope(id="1", source="/other")).handled == {"1"}
    assert make_unit_of_work(store).take("notify", [make_envelope(id="1")], lambda *_: None).handled == {"1"}
    assert sorted(store.collections[INBOX]) == ["notify:/monitor:1", "sla:/monitor:1", "sla:/other:1"]


def test_a_rejected_id_that_two_sources_share_stops_the_batch_before_anything_happens() -> None:
    def block(work: Work, envelopes: Sequence[Envelope]) -> Mapping[str, Rejected]:
        keep_all(work, envelopes)
        return {"1": Invalid("no")}

    store = MemoryStore()
    with pytest.raises(ValueError, match="two sources"):
        take(store, make_envelope(id="1"), make_envelope(id="1", source="/other"), block=block)
    assert store.collections == {}


def test_a_rejected_event_is_not_marked_and_the_others_are() -> None:
    def block(work: Work, envelopes: Sequence[Envelope]) -> Mapping[str, Rejected]:
        keep_all(work, [envelope for envelope in envelopes if envelope.id != "bad"])
        return {"bad": Invalid("no", pointer="/data")}

    store = MemoryStore()
    taken = take(store, make_envelope(id="1"), make_envelope(id="bad"), block=block)
    assert (taken.handled, set(taken.rejected), taken.duplicates) == ({"1"}, {"bad"}, frozenset())
    assert sorted(store.collections[INBOX]) == ["sla:/monitor:1"]
    assert take(store, make_envelope(id="bad")).handled == {"bad"}


def test_a_batch_of_nothing_new_runs_no_block() -> None:
    store = MemoryStore()
    take(store, make_envelope(id="1"))

    def never(_work: Work, _envelopes: Sequence[Envelope]) -> None:
        raise AssertionError("nothing is fresh")

    assert take(store, make_envelope(id="1"), block=never).duplicates == {"1"}


def test_a_copy_that_another_replica_handles_meanwhile_changes_nothing() -> None:
    def rival(store: MemoryStore) -> None:
        calm = MemoryStore()
        calm.collections = store.collections
        take(calm, make_envelope(id="1"))

    store = ContestedStore([rival])
    taken = take(store, make_envelope(id="1"), make_envelope(id="2"))
    assert (taken.handled, taken.duplicates) == ({"2"}, {"1"})
    assert seen(store) == ["/monitor:1", "/monitor:2"]


batches = st.lists(
    st.lists(
        st.builds(
            lambda id, source: make_envelope(id=id, source=source), st.sampled_from("1234"), st.sampled_from("ab")
        )
    )
)


@given(batches, st.frozensets(st.sampled_from("1234")))
def test_outcomes_cover_the_batch_and_effects_happen_once(
    deliveries: list[list[Envelope]], bad: frozenset[str]
) -> None:
    def block(work: Work, envelopes: Sequence[Envelope]) -> Mapping[str, Rejected]:
        keep_all(work, [envelope for envelope in envelopes if envelope.id not in bad])
        return {envelope.id: Invalid("no") for envelope in envelopes if envelope.id in bad}

    store = MemoryStore()
    for batch in deliveries:
        for part in rounds(batch, lambda envelope: envelope):
            taken = take(store, *part, block=block)
            parts = [taken.handled, taken.duplicates, frozenset(taken.rejected)]
            assert sum(map(len, parts)) == len(frozenset().union(*parts))
            assert frozenset().union(*parts) == {envelope.id for envelope in part}
    expected = {f"{e.source}:{e.id}" for batch in deliveries for e in batch if e.id not in bad}
    assert set(seen(store)) == expected
    assert {key.removeprefix("sla:") for key in store.collections.get(INBOX, {})} == expected


@given(batches.map(lambda lists: [envelope for batch in lists for envelope in batch]))
def test_a_batch_is_split_so_that_an_id_has_one_source_in_each_part(batch: list[Envelope]) -> None:
    parts = rounds(range(len(batch)), batch.__getitem__)
    assert [at for part in parts for at in part] == list(range(len(batch)))
    for part in parts:
        assert part
        assert len({batch[at].id for at in part}) == len({(batch[at].id, batch[at].source) for at in part})
    for earlier, later in pairwise(parts):
        assert any(batch[at].id == batch[later[0]].id for at in earlier)


def test_a_repeated_command_answers_what_the_first_one_did() -> None:
    store = MemoryStore()
    unit = make_unit_of_work(store)
    first = unit.once("k", "print", lambda work: {"n": count_up(work)})
    again = unit.once("k", "print", lambda work: {"n": count_up(work)})
    assert first == again == {"n": 1}
    assert store.collections["counts"]["a"]["n"] == 1


def test_an_idempotency_key_with_another_request_is_refused() -> None:
    unit = make_unit_of_work()
    unit.once("k", "print", lambda _: {})
    with pytest.raises(Rejected) as caught:
        unit.once("k", "other", lambda _: {})
    assert caught.value.slug == "idempotency-key-reused"


def test_a_command_that_was_refused_may_be_repeated_with_its_key() -> None:
    def refuse(_: Work) -> Document:
        raise Invalid("no")

    unit = make_unit_of_work()
    with pytest.raises(Invalid):
        unit.once("k", "print", refuse)
    assert unit.once("k", "print", lambda _: {"n": 1}) == {"n": 1}


def test_of_two_copies_of_a_command_at_the_same_moment_one_takes_effect() -> None:
    def rival(store: MemoryStore) -> None:
        calm = MemoryStore()
        calm.collections = store.collections
        make_unit_of_work(calm).once("k", "print", lambda work: {"n": count_up(work)})

    store = ContestedStore([rival])
    assert make_unit_of_work(store).once("k", "print", lambda work: {"n": count_up(work)}) == {"n": 1}
    assert store.collections["counts"]["a"]["n"] == 1
