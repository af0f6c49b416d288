"""How far a lane is published: nothing counts as published that was not, nothing published is published again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.envelope import Lane
from shared.marks import Marks

NONE = {str(int(lane)): 0 for lane in Lane}


def row(position: int, lane: Lane = Lane.NORMAL) -> dict[str, int]:
    return {"position": position, "lane": int(lane)}


@given(st.sets(st.integers(1, 60)), st.lists(st.tuples(st.integers(1, 12), st.integers(0, 2**12)), max_size=40))
def test_each_row_is_published_once_however_often_others_are_refused(
    mine: set[int], attempts: list[tuple[int, int]]
) -> None:
    marks, published, last = Marks(NONE), list[int](), 60
    for size, refusals in [*attempts, *[(12, 0)] * 8]:
        first = marks.sent[Lane.NORMAL] + 1
        window = range(first, min(first + size, last + 1))
        due = [one for one in window if one in mine and not marks.done(row(one))]
        refused = [one for index, one in enumerate(due) if refusals >> index & 1]
        taken = [one for one in due if one not in refused]
        published += taken
        marks.settle(Lane.NORMAL, taken, refused, min(first + size - 1, last))
        assert all(marks.done(row(one)) for one in taken)
        assert not any(marks.done(row(one)) for one in refused)
    assert marks.sent[Lane.NORMAL] == last
    assert sorted(published) == sorted(mine)


def test_a_lane_says_nothing_of_another() -> None:
    marks = Marks(NONE)
    marks.settle(Lane.URGENT, [1, 2], [], 9)
    assert marks.done(row(2, Lane.URGENT))
    assert not marks.done(row(2))
    assert Marks(marks.document()).sent == {Lane.URGENT: 9, Lane.NORMAL: 0, Lane.BULK: 0}
