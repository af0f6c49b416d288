"""Instants: aware, UTC, whole milliseconds, and the same after a journey through text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import FixedClock, SystemClock, format_instant, parse_instant, to_milliseconds
from shared.errors import Invalid
from shared.testing import make_instant

zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
instants = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=zones)  # noqa: DTZ001


@given(instants)
def test_an_instant_survives_the_journey_through_text(at: datetime) -> None:
    assert parse_instant(format_instant(at)) == to_milliseconds(at)


@given(instants, instants)
def test_texts_sort_as_their_instants_do(one: datetime, other: datetime) -> None:
    earlier, later = sorted((to_milliseconds(one), to_milliseconds(other)))
    assert format_instant(earlier) <= format_instant(later)


@given(instants)
def test_an_instant_is_cut_to_milliseconds_and_never_rounded_up(at: datetime) -> None:
    cut = to_milliseconds(at)
    assert timedelta(0) <= at - cut < timedelta(milliseconds=1)
    assert to_milliseconds(cut) == cut
    assert cut.tzinfo is UTC


@pytest.mark.parametrize("text", ["2026-03-02T10:00:00+01:00", "2026-03-02T09:00:00Z", "2026-03-02 09:00:00.0004Z"])
def test_every_offset_leads_to_the_same_instant(text: str) -> None:
    assert parse_instant(text) == make_instant()


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01T00:00:00Z", "2026-03-02T09:00:00", "2026-03-02", None, 7])
def test_what_names_no_instant_is_invalid_at_its_pointer(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_instant(text, pointer="/time")
    assert caught.value.pointer == "/time"


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00"])
def test_an_instant_beyond_the_calendar_in_utc_is_invalid(text: str) -> None:
    with pytest.raises(Invalid):
        parse_instant(text)


def test_a_fixed_clock_stands_until_it_is_moved() -> None:
    clock = FixedClock(make_instant())
    assert clock.now() == clock.now() == make_instant()
    assert clock.advance(timedelta(seconds=3)) == clock.now() == make_instant("2026-03-02T09:00:03Z")


def test_the_systems_clock_tells_aware_whole_milliseconds_and_does_not_run_back() -> None:
    clock = SystemClock()
    told = [clock.now() for _ in range(100)]
    assert told == sorted(told)
    assert {at.tzinfo for at in told} == {UTC}
    assert all(at.microsecond % 1000 == 0 for at in told)
