"""Identifiers: in order, unlike each other, and the same for the same cause."""

from __future__ import annotations

import time
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.ids import SequentialIds, SystemIds, deterministic_id, format_number, joined


def test_ids_of_one_process_sort_in_the_order_in_which_they_were_given() -> None:
    ids = SystemIds()
    given_ids = [ids.new() for _ in range(20_000)]
    assert given_ids == sorted(given_ids)
    assert len(set(given_ids)) == len(given_ids)


def test_order_holds_when_the_machines_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    ids, now = SystemIds(), time.time_ns()
    before = ids.new()
    monkeypatch.setattr(time, "time_ns", lambda: now - 3_600_000_000_000)
    assert ids.new() > before


def test_an_id_is_a_uuid_of_version_7_and_begins_with_the_milliseconds() -> None:
    earliest = time.time_ns() // 1_000_000
    one = uuid.UUID(SystemIds().new())
    latest = time.time_ns() // 1_000_000
    assert (one.version, one.variant) == (7, uuid.RFC_4122)
    assert earliest <= one.int >> 80 <= latest


def test_two_processes_do_not_give_the_same_id_at_the_same_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_750_000_000_000_000_000)
    assert SystemIds().new() != SystemIds().new()


def test_sequential_ids_are_the_same_in_every_run_and_sort() -> None:
    one, other = SequentialIds(), SequentialIds()
    first, second = [one.new() for _ in range(300)], [other.new() for _ in range(300)]
    assert first == second == sorted(first)
    assert {uuid.UUID(each).version for each in first} == {7}


texts = st.text("a\x1e\x1f", max_size=4) | st.text(st.characters(exclude_categories=["Cs"]))
parts = st.lists(texts, min_size=1, max_size=4)


@given(parts, parts)
def test_the_same_parts_give_the_same_id_and_others_another(one: list[str], other: list[str]) -> None:
    assert (deterministic_id(*one) == deterministic_id(*other)) == (one == other)


def test_a_separator_within_a_part_is_no_separator() -> None:
    assert deterministic_id("a\x1fb") != deterministic_id("a", "b")
    assert deterministic_id("a\x1e", "b") != deterministic_id("a\x1e\x1fb")


def test_a_derived_id_never_changes() -> None:
    assert deterministic_id("delivery", "e1", "alice", "email") == deterministic_id("delivery", "e1", "alice", "email")
    assert deterministic_id("a") == "49545227-accc-5065-ac57-a5aa16a6f8c0"


@pytest.mark.parametrize(
    ("value", "number"), [(1, "INC0000001"), (9_999_999, "INC9999999"), (10_000_000, "INC10000000")]
)
def test_a_number_has_seven_digits_or_as_many_as_it_needs(value: int, number: str) -> None:
    assert format_number("INC", value) == number


@given(
    st.lists(st.text("a:%3A", max_size=4), min_size=3, max_size=3),
    st.lists(st.text("a:%3A", max_size=4), min_size=3, max_size=3),
)
def test_different_parts_never_make_the_same_key(one: list[str], other: list[str]) -> None:
    assert (joined(*one) == joined(*other)) == (one == other)


def test_parts_without_a_colon_stand_as_they_are() -> None:
    assert joined("incident", "/monitor", "a:b") == "incident:/monitor:a:b"
