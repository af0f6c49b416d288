"""How many events make a batch."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.batching import fitting

LENGTHS = st.lists(st.integers(1, 50), min_size=1, max_size=40)


@given(LENGTHS, st.integers(1, 50), st.integers(1, 200))
def test_a_batch_keeps_both_limits_or_is_one_event(lengths: list[int], count: int, most: int) -> None:
    found = fitting(lengths, count, most)
    assert 1 <= found <= min(count, len(lengths))
    assert found == 1 or sum(lengths[:found]) <= most


@given(LENGTHS, st.integers(1, 50), st.integers(1, 200))
def test_a_batch_is_as_large_as_it_may_be(lengths: list[int], count: int, most: int) -> None:
    found = fitting(lengths, count, most)
    assert found in (count, len(lengths)) or sum(lengths[: found + 1]) > most
