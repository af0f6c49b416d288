"""Times and dates as people write them, on the command line and in the settings: RFC 3339, and what is named beside."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from marshmallow import ValidationError

from deskwire.sla.times import Zone
from services.sla.calendar_words import Day, Moment, WrittenInstant
from shared.errors import Invalid

EIGHT = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02T09:00",
        "2026-03-02 09:00:00",
        "2026-03-02t09:00:00.000",
        "2026-03-02T09:00+01:00",
        "2026-03-02T08:00Z",
        "2026-03-02t08:00:00z",
        "2026-03-02T08:00:00.000000000Z",
    ],
)
def test_a_time_without_an_offset_is_the_readers_and_one_with_it_is_an_instant(text: str) -> None:
    assert Zone("Europe/Stockholm").read(text) == EIGHT


def test_a_date_is_its_first_moment_with_the_reader() -> None:
    assert Zone("Europe/Stockholm").read("2026-03-02") == datetime(2026, 3, 1, 23, tzinfo=UTC)


@pytest.mark.parametrize("text", ["20260302", "2026-W10-1", "2026-061", "2026-03-02T0900", "2026-03-02T09", "soon", ""])
def test_other_standards_times_are_none(text: str) -> None:
    with pytest.raises(Invalid):
        Zone("UTC").read(text)
    for field in (Day(), Moment(), WrittenInstant()):
        with pytest.raises(ValidationError):
            field.deserialize(text)


@pytest.mark.parametrize(
    ("field", "text", "read"),
    [
        (Day(), "2026-03-02", date(2026, 3, 2)),
        (Moment(), "2026-03-02", date(2026, 3, 2)),
        (Moment(), "2026-03-02T09:00+01:00", EIGHT),
        (Moment(), "2026-03-02T08:00:00z", EIGHT),
        (WrittenInstant(), "2026-03-02T09:00+01:00", EIGHT),
        (WrittenInstant(), "2026-03-02 08:00:00.5Z", EIGHT.replace(microsecond=500_000)),
    ],
)
def test_settings_hold_dates_and_instants(field: Any, text: str, read: Any) -> None:
    assert field.deserialize(text) == read
