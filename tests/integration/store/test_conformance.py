"""One conformance suite for every store: what a service is tried with in memory holds in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from shared.envelope import Envelope
from shared.errors import Conflict, Unstorable
from shared.store import Document, Store, Writes
from shared.testing import make_envelope, make_instant
from shared.unit_of_work import Work
from shared.weight import MOST_DOCUMENTS, MOST_WRITTEN, check
from tests.integration.store.rows import insert, make_row, make_unit, things, update


def test_what_is_committed_is_read_as_it_was_written(store: Store) -> None:
    row = make_row(
        "a",
        at=make_instant(),
        pair=["p", "q"],
        n=1.5,
        yes=True,
        none=None,
        raw=b"\x00\xff",
        deep={"list": [1, {"x": "ü"}]},
    )
    insert(store, {**row, "at": row["at"] + timedelta(microseconds=999), "pair": ("p", "q")})
    assert things(store) == {"a": row}


def test_what_is_not_there_is_left_out(store: Store) -> None:
    insert(store, make_row("a"))
    assert set(things(store, "a", "missing")) == {"a"}
    assert store.read("things", []) == store.read("nowhere", ["a"]) == []


def test_a_row_in_hand_is_not_the_row_in_the_store(store: Store) -> None:
    insert(store, make_row("a", tags=["x"]))
    store.read("things", ["a"])[0]["tags"].append("y")
    store.find("things", {"title": None})
    assert things(store)["a"]["tags"] == ["x"]


def test_a_key_that_is_there_is_a_conflict(store: Store) -> None:
    insert(store, make_row("a", title="first"))
    with pytest.raises(Conflict):
        insert(store, make_row("a", title="second"))
    assert things(store)["a"]["title"] == "first"


def test_an_update_replaces_the_version_that_it_expects_and_no_other(store: Store) -> None:
    insert(store, make_row("a", old=True))
    store.commit(update("a", 1, title="new"))
    assert things(store)["a"] == make_row("a", 2, title="new")
    for wrong in (1, 3):
        with pytest.raises(Conflict):
            store.commit(update("a", wrong, title="late"))
    with pytest.raises(Conflict):
        store.commit(update("missing", 1))
    assert things(store)["a"]["title"] == "new"


def test_of_two_writers_on_one_version_one_wins(store: Store) -> None:
    insert(store, make_row("a"))
    outcomes = []
    for writer in ("one", "other"):
        try:
            store.commit(update("a", 1, title=writer))
            outcomes.append(writer)
        except Conflict:
            outcomes.append("conflict")
    assert outcomes == ["one", "conflict"]
    assert things(store)["a"]["title"] == "one"


def test_a_delete_needs_the_version_that_it_expects(store: Store) -> None:
    insert(store, make_row("a", 2), make_row("b"))
    with pytest.raises(Conflict):
        store.commit(Writes(deletes={"things": {"a": 1}}))
    with pytest.raises(Conflict):
        store.commit(Writes(deletes={"things": {"missing": 1}}))
    store.commit(Writes(deletes={"things": {"a": 2}}))
    assert set(things(store)) == {"b"}


def test_a_claim_given_back_can_be_taken_again_in_one_commit_and_later(store: Store) -> None:
    insert(store, make_row("k", holder="one"), collection="claims")
    again = {"claims": {"k": make_row("k", holder="other")}}
    store.commit(Writes(deletes={"claims": {"k": 1}}, inserts=again))
    assert store.read("claims", ["k"])[0]["holder"] == "other"
    store.commit(Writes(deletes={"claims": {"k": 1}}))
    insert(store, make_row("k", holder="third"), collection="claims")
    assert store.read("claims", ["k"])[0]["holder"] == "third"


def failing() -> list[Writes]:
    row = {"things": {"c": make_row("c")}}
    return [
        Writes(inserts={**row, "claims": {"k": make_row("k")}}),
        Writes(inserts=row, updates={"things": {"a": (1, make_row("a", 2)), "b": (7, make_row("b", 8))}}),
        Writes(inserts=row, deletes={"things": {"a": 1, "b": 7}}),
        Writes(inserts=row, deletes={"things": {"a": 1}}, updates={"things": {"b": (7, make_row("b", 8))}}),
        Writes(inserts=row, fences=[("due", 3)]),
        Writes(inserts=row, fences=[("no-such-lease", 1)]),
        Writes(inserts={"things": {"c": make_row("c"), "a": make_row("a"), "d": make_row("d")}}),
    ]


@pytest.mark.parametrize("case", range(len(failing())))
def test_nothing_of_a_commit_that_meets_a_conflict_is_written(store: Store, case: int) -> None:
    insert(store, make_row("a"), make_row("b"))
    insert(store, make_row("k"), collection="claims")
    insert(store, make_row("due", token=4), collection="leases")
    with pytest.raises(Conflict):
        store.commit(failing()[case])
    assert things(store, "a", "b", "c", "d") == {"a": make_row("a"), "b": make_row("b")}


def test_a_fence_lets_through_the_holder_of_the_token(store: Store) -> None:
    insert(store, make_row("due", token=4), collection="leases")
    for key in ("a", "b"):
        store.commit(Writes(inserts={"things": {key: make_row(key)}}, fences=[("due", 4)]))
    assert set(things(store)) == {"a", "b"}


def test_rows_are_found_by_equality_and_by_any_of(store: Store) -> None:
    insert(
        store, make_row("a", title="x", tags=["p", "q"]), make_row("b", title="y", tags=["q"]), make_row("c", title="z")
    )

    def found(**where: Any) -> set[str]:
        return {row["_id"] for row in store.find("things", where)}

    assert found(title="x") == {"a"}
    assert found(title=["x", "y", "other"]) == found(title=("x", "y")) == {"a", "b"}
    assert found(tags="q") == {"a", "b"}
    assert found(tags=["p", "r"]) == {"a"}
    assert found(title=[]) == set()
    assert found() == {"a", "b", "c"}
    assert found(title=None) == set()
    assert len(store.find("things", {}, limit=2)) == 2


def test_a_sorted_window_is_open_below_and_closed_above(store: Store) -> None:
    insert(store, *(make_row(f"r{n}", rank=n, title="xy"[n % 2]) for n in range(10)), make_row("none", title="x"))

    def ranks(where: Document | None = None, **window: Any) -> list[int]:
        return [row["rank"] for row in store.find("things", where or {}, sort="rank", **window)]

    assert ranks(after=2, until=6) == [3, 4, 5, 6]
    assert ranks(after=7) == [8, 9]
    assert ranks(until=1) == [0, 1]
    assert ranks() == list(range(10))
    assert ranks(after=2, until=9, limit=3) == [3, 4, 5]
    assert ranks({"title": "x"}, after=0, until=8) == [2, 4, 6, 8]
    assert ranks(after=9, until=20) == []


def test_windows_over_instants_and_texts_work_alike(store: Store) -> None:
    start = make_instant()
    insert(store, *(make_row(f"r{n}", rank=start + timedelta(milliseconds=n)) for n in range(5)))
    rows = store.find("things", {}, sort="rank", after=start, until=start + timedelta(milliseconds=2))
    assert [row["_id"] for row in rows] == ["r1", "r2"]
    assert [row["_id"] for row in store.find("things", {}, sort="key", after="r2", limit=5)] == ["r3", "r4"]


def test_of_rows_found_only_the_fields_that_are_asked_for_are_read(store: Store) -> None:
    insert(store, *(make_row(f"r{n}", rank=n, title="x", text="x" * 100) for n in range(3)))
    found = store.find("things", {"title": "x"}, sort="rank", after=0, fields=("rank", "absent"))
    assert found == [{"_id": "r1", "rank": 1}, {"_id": "r2", "rank": 2}]


def test_reserved_numbers_never_overlap_and_start_at_one(store: Store) -> None:
    counter = uuid4().hex
    assert [store.reserve(counter, 10), store.reserve(counter, 1), store.reserve(counter, 5)] == [1, 11, 12]
    assert store.reserve("other" + counter, 1) == 1


def test_as_much_as_one_transaction_may_write_is_written(store: Store) -> None:
    writes = Writes()
    count = MOST_DOCUMENTS // 2
    text = "x" * (MOST_WRITTEN // count - 200)
    for number in range(count):
        row = make_row(f"a{number:05}", text=text)
        writes.inserts.setdefault("things", {})[row["_id"]] = row
    check(writes)
    store.commit(writes)
    assert store.count("things", {}) == count


def test_a_batch_that_would_write_too_much_is_handled_in_parts_of_which_each_is_whole(store: Store) -> None:
    def keep(work: Work, envelopes: Sequence[Envelope]) -> None:
        for envelope in envelopes:
            work.append("things", envelope.id, make_row(envelope.id, text="x" * (MOST_WRITTEN // 3)))

    batch = [make_envelope(id=str(number)) for number in range(9)]
    unit = make_unit(store)
    assert len(unit.take("probe", batch, keep).handled) == 9
    assert unit.take("probe", batch, keep).duplicates == {envelope.id for envelope in batch}
    assert set(things(store, *map(str, range(9)))) == {envelope.id for envelope in batch}


def test_what_no_document_can_hold_is_refused_and_nothing_of_it_is_written(store: Store) -> None:
    unit = make_unit(store)

    def block(work: Work) -> None:
        work.append("things", "a", make_row("a"))
        work.append("things", "b", make_row("b", n=2**64))

    with pytest.raises(Unstorable):
        unit.run(block)
    assert things(store) == {}
