"""Uniqueness that ends: claims, and fences against a holder that was overtaken."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Conflict
from shared.store import Document, Writes
from shared.testing import MemoryStore, make_unit_of_work
from shared.unit_of_work import Work
from tests.unit.shared.contested import ContestedStore, count_up


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
