"""The only way to write: whole blocks, tried again on fresh state."""

from __future__ import annotations

import pytest

from shared.errors import Conflict, Invalid
from shared.testing import MemoryStore, make_unit_of_work
from shared.unit_of_work import Work
from tests.unit.shared.contested import ContestedStore, count_up, rival_counts_up


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
