"""The order in which journal rows get their positions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.marks import order
from shared.store import Document


@st.composite
def journals(draw: st.DrawFn) -> list[Document]:
    """Rows with unique ids and gapless versions for each record; clocks may have given the ids in any order."""
    subjects = draw(st.lists(st.sampled_from("abc"), max_size=12))
    ids = draw(st.permutations(range(len(subjects))))
    seen: dict[str, int] = {}
    rows = []
    for subject, number in zip(subjects, ids, strict=True):
        seen[subject] = seen.get(subject, 0) + 1
        rows.append({"_id": f"{number:03d}", "subject": subject, "sequence": seen[subject]})
    return draw(st.permutations(rows))


@given(journals())
def test_the_versions_of_each_record_come_in_order_and_no_row_is_lost_or_doubled(rows: list[Document]) -> None:
    ordered = order(rows)
    assert sorted(row["_id"] for row in ordered) == sorted(row["_id"] for row in rows)
    for subject in "abc":
        versions = [row["sequence"] for row in ordered if row["subject"] == subject]
        assert versions == sorted(versions)


@given(journals())
def test_records_take_turns_as_their_ids_do(rows: list[Document]) -> None:
    by_id = [row["subject"] for row in sorted(rows, key=lambda row: row["_id"])]
    assert [row["subject"] for row in order(rows)] == by_id


def test_where_ids_and_versions_agree_the_order_is_that_of_ids() -> None:
    rows = [{"_id": f"{n}", "subject": "ab"[n % 2], "sequence": n // 2 + 1} for n in range(6)]
    assert order(list(reversed(rows))) == rows
