"""The only way to write: whole blocks, once in effect, tried again on fresh state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.envelope import Envelope
from shared.errors import Conflict, Invalid, Rejected
from shared.store import INBOX, Document, Writes
from shared.testing import MemoryStore, make_envelope, make_unit_of_work
from shared.unit_of_work import Taken, Work, rounds


class ContestedStore(MemoryStore):
    """Another writer is first as often as `rivals` says, with what it then does."""

    def __init__(self, rivals: Sequence[Callable[[MemoryStore], None]]) -> None:
        super().__init__()
        self._rivals = list(rivals)

    def commit(self, writes: Writes) -> None:
        if self._rivals:
            self._rivals.pop(0)(self)
        super().commit(writes)


def count_up(work: Work) -> int:
    row = work.load("counts", ["a"]).get("a", {"n": 0})
    return int(work.put("counts", "a", {"n": row["n"] + 1})["n"])


def rival_counts_up(store: MemoryStore) -> None:
    rival = MemoryStore()
    rival.collections = store.collections
    make_unit_of_work(rival).run(count_up)


def keep_all(work: Work, envelopes: Sequence[Envelope]) -> None:
    for envelope in envelopes:
        work.append("seen", f"{envelope.source}:{envelope.id}", {})


def seen(store: MemoryStore) -> list[str]:
    return sorted(store.collections.get("seen", {}))


def test_nothing_is_written_before_the_block_has_returned() -> None:
    store = MemoryStore()

    def block(work: Work) -> None:
        count_up(work)
        assert store.collections == {}
        raise Invalid("no")

    with pytest.raises(Invalid):
        make_unit_of_work(store).run(block)
    assert store.collections == {}


@pytest.mark.parametrize("rivals", [1, 5, 19])
def test_a_block_that_lost_the_race_runs_again_whole_on_fresh_state(rivals: int) -> None:
    store = ContestedStore([rival_counts_up] * rivals)
    assert make_unit_of_work(store).run(count_up) == rivals + 1
    assert store.collections["counts"]["a"]["version"] == rivals + 1


def test_a_block_gives_up_after_twenty_lost_races() -> None:
    store = ContestedStore([rival_counts_up] * 20)
    with pytest.raises(Conflict):
        make_unit_of_work(store).run(count_up)
    assert store.collections["counts"]["a"]["n"] == 20


def test_a_conflict_that_a_read_of_the_block_meets_is_tried_again_too() -> None:
    left = [Conflict("not now")]

    def block(work: Work) -> str:
        if left:
            raise left.pop()
        return "done"

    assert make_unit_of_work().run(block) == "done"


def test_a_later_read_in_a_block_sees_what_the_block_has_written() -> None:
    def block(work: Work) -> list[int]:
        return [count_up(work), count_up(work), work.load("counts", ["a"])["a"]["n"]]

    store = MemoryStore()
    assert make_unit_of_work(store).run(block) == [1, 2, 2]
    assert make_unit_of_work(store).run(block) == [3, 4, 4]


def test_documents_found_by_a_query_are_seen_as_the_block_has_changed_them() -> None:
    store = MemoryStore()
    make_unit_of_work(store).run(count_up)

    def block(work: Work) -> list[int]:
        count_up(work)
        return [row["n"] for row in work.adopt("counts", store.find("counts", {"n": 1}))]

    assert make_unit_of_work(store).run(block) == [2]


def test_what_was_not_loaded_is_taken_for_new_and_meets_what_is_there() -> None:
    store = MemoryStore()
    make_unit_of_work(store).run(count_up)
    with pytest.raises(Conflict):
        make_unit_of_work(store).run(lambda work: work.put("counts", "a", {"n": 9}))
    assert store.collections["counts"]["a"]["n"] == 1


def claim(work: Work) -> None:
    work.claim("open", "k", {"by": "me"})


def claim_if_free(work: Work) -> bool:
    if work.load("open", ["k"]):
        return False
    claim(work)
    return True


def release(work: Work) -> None:
    work.load("open", ["k"])
    work.release("open", "k")


def change(work: Work) -> None:
    row = work.load("open", ["k"])["k"]
    work.put("open", "k", {**row, "changed": True})


def test_a_claim_has_one_holder_until_it_is_given_back() -> None:
    store = MemoryStore()
    unit = make_unit_of_work(store)
    unit.run(claim)
    with pytest.raises(Conflict):
        unit.run(claim)
    assert unit.run(claim_if_free) is False
    unit.run(release)
    assert unit.run(claim_if_free) is True


def test_of_two_writers_that_found_a_claim_free_one_takes_it() -> None:
    def rival(store: MemoryStore) -> None:
        MemoryStore.commit(store, Writes(inserts={"open": {"k": {"_id": "k", "key": "k", "version": 1}}}))

    store = ContestedStore([rival])
    assert make_unit_of_work(store).run(claim_if_free) is False
    assert "by" not in store.collections["open"]["k"]


STEPS: Mapping[str, Callable[[Work], object]] = {
    "claim": lambda work: None if work.load("open", ["k"]) else claim(work),
    "release": release,
    "change": lambda work: change(work) if work.load("open", ["k"]) else None,
}


@given(st.lists(st.lists(st.sampled_from(sorted(STEPS)), max_size=5), max_size=5))
def test_claims_come_out_the_same_in_one_block_as_in_many(blocks: list[list[str]]) -> None:
    together, apart = MemoryStore(), MemoryStore()
    for block in blocks:
        make_unit_of_work(together).run(lambda work, block=block: [STEPS[step](work) for step in block])  # type: ignore[misc]
        for step in block:
            make_unit_of_work(apart).run(STEPS[step])

    def without_version(store: MemoryStore) -> list[Document]:
        return [{**row, "version": 0} for row in store.collections.get("open", {}).values()]

    assert without_version(together) == without_version(apart)


def test_a_claim_that_another_writer_changed_is_not_given_back_unseen() -> None:
    def rival(store: MemoryStore) -> None:
        key, row = "k", store.collections["open"]["k"]
        MemoryStore.commit(
            store, Writes(updates={"open": {key: (row["version"], {**row, "version": 2, "fresh": True})}})
        )

    store = ContestedStore([lambda _: None, rival])
    make_unit_of_work(store).run(claim)
    saw = []

    def block(work: Work) -> None:
        saw.append("fresh" in work.load("open", ["k"])["k"])
        work.release("open", "k")

    make_unit_of_work(store).run(block)
    assert saw == [False, True]
    assert store.collections["open"] == {}


def test_a_fence_stops_a_holder_that_was_overtaken() -> None:
    store = MemoryStore()
    store.collections["leases"] = {"due": {"_id": "due", "token": 2}}

    def block(work: Work) -> None:
        work.fence("due", 1)
        count_up(work)

    with pytest.raises(Conflict):
        make_unit_of_work(store).run(block)
    assert "counts" not in store.collections


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
