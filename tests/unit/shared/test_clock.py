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


@st.composite
def written(draw: st.DrawFn) -> tuple[str, datetime]:
    """A time by the grammar of RFC 3339, section 5.6, and the instant that it means."""
    at = draw(st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31)))  # noqa: DTZ001
    digits = draw(st.text("0123456789", max_size=12))
    hours, minutes, sign = draw(st.integers(0, 23)), draw(st.integers(0, 59)), draw(st.sampled_from("+-"))
    zulu = draw(st.sampled_from(["Z", "z", ""]))
    offset = zulu or f"{sign}{hours:02}:{minutes:02}"
    fraction = f".{digits}" if digits else ""
    text = f"{at:%Y-%m-%d}".zfill(10) + draw(st.sampled_from("Tt ")) + f"{at:%H:%M:%S}{fraction}{offset}"
    shift = timedelta(0) if zulu else timedelta(hours=hours, minutes=minutes) * (1 if sign == "+" else -1)
    return text, (at - shift).replace(microsecond=int(digits[:3].ljust(3, "0")) * 1000, tzinfo=UTC)


@given(written())
def test_every_time_of_the_grammar_is_its_instant_cut_to_milliseconds(case: tuple[str, datetime]) -> None:
    text, at = case
    assert parse_instant(text) == at


@given(written(), st.integers(0, 40), st.characters(exclude_categories=["Cs"]))
def test_a_character_more_makes_another_time_of_the_grammar_or_none(
    case: tuple[str, datetime], place: int, letter: str
) -> None:
    text = case[0][:place] + letter + case[0][place:]
    try:
        parse_instant(text)
    except Invalid:
        return
    # Only another digit of the fraction fits in.
    assert letter in "0123456789"
    assert "." in text


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-27t10:00:00z", "2026-11-27T10:00:00+00:00"),
        ("2026-11-27T10:00:00-00:00", "2026-11-27T10:00:00+00:00"),
        ("2026-11-27T10:00:00+23:59", "2026-11-26T10:01:00+00:00"),
        ("2026-11-27T10:00:00.1234567890123456789Z", "2026-11-27T10:00:00.123+00:00"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999+00:00"),
        ("2017-01-01T00:59:60.25+01:00", "2016-12-31T23:59:59.999+00:00"),
        ("1990-12-31T15:59:60-08:00", "1990-12-31T23:59:59.999+00:00"),
        ("2015-06-30T23:59:60Z", "2015-06-30T23:59:59.999+00:00"),
    ],
)
def test_small_letters_long_fractions_and_leap_seconds_are_times(text: str, instant: str) -> None:
    assert parse_instant(text) == make_instant(instant)


@pytest.mark.parametrize(
    "text",
    [
        "2026-W48-5T10:00:00Z",
        "2026-331T10:00:00Z",
        "20261127T100000Z",
        "2026-11-27T100000Z",
        "2026-11-27T10:00Z",
        "2026-11-27T10Z",
        "2026-11-27T10:00:00",
        "2026-11-27T10:00:00,5Z",
        "2026-11-27T10:00:00.Z",
        "2026-11-27T10:00:00+01",
        "2026-11-27T10:00:00+0100",
        "2026-11-27T10:00:00+24:00",
        "2026-11-27T10:00:00+01:60",
        "2026-11-27T10:00:00+01:00:00",
        "2026-11-27T24:00:00Z",
        "2026-11-27T10:60:00Z",
        "2026-11-27T10:00:61Z",
        "2026-11-27T10:00:60Z",
        "2026-11-27T23:59:60Z",
        "2016-12-31T23:59:60+01:00",
        "2026-02-29T10:00:00Z",
        "2026-11-27_10:00:00Z",
        "2026-11-27  10:00:00Z",
        " 2026-11-27T10:00:00Z",
        "2026-11-27T10:00:00Z\n",
        "2026-11-27T10:00:00 Z",
        "+2026-11-27T10:00:00Z",
        "２０２６-11-27T10:00:00Z",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:60Z",
        "2026-11-27T10:00:00Z" * 1000,
    ],
)
def test_other_standards_times_and_none_at_all_are_invalid(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_instant(text)
    assert len(caught.value.message) < 200


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
