from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from services.sla.domain.policy import PRIORITIES, Kind, StopsAt
from services.sla.settings import load, parse_agreements
from shared.errors import Invalid

SHIPPED = Path(__file__).parents[3] / "deploy" / "settings" / "sla.yaml"

WRONG = """
calendars:
  office: {zone: Mars/Base, week: {monday: ["12:00-12:00", 3], funday: []}, holidays: [2026-13-01]}
  Shut: {zone: UTC, week: {}}
  over: {zone: UTC, week: {monday: ["08:00-12:00", "11:00-13:00"], tuesday: ["08:00-24:01"]}}
policies:
  P1: {name: a, calendar: nowhere, response: 1x, resolution: 4h, thresholds: [50, 40], pauses: [bored]}
  P2: {name: b, calendar: over, response: 0m, resolution: 1h30m, thresholds: [100], response_stops_at: lunch}
  P3: {name: c, calendar: over, response: 1m, resolution: 1h, colour: red}
  P9: {}
"""


def faults(text: str) -> str:
    with pytest.raises(Invalid) as error:
        parse_agreements(text, name="sla.yaml")
    assert error.value.slug == "bad-settings"
    return error.value.message


def test_the_shipped_file_is_right() -> None:
    agreements = load(SHIPPED)
    assert agreements.policies.keys() == set(PRIORITIES)
    assert {"always", "business"} <= agreements.calendars.keys()
    assert all(agreements.terms(priority) for priority in PRIORITIES)


def test_a_policy_is_read_as_written() -> None:
    policy = load(SHIPPED).policies["P1"]
    assert (policy.target(Kind.RESPONSE), policy.target(Kind.RESOLUTION)) == (
        timedelta(minutes=15),
        timedelta(hours=4),
    )
    assert (policy.thresholds, policy.response_stops_at) == ((50, 75, 90), StopsAt.EITHER)
    assert policy.pauses == {"user", "customer"}


def test_a_calendar_is_read_as_written() -> None:
    business = load(SHIPPED).calendars["business"]
    assert business.zone == "Europe/Stockholm"
    assert [len(day) for day in business.week] == [2, 2, 2, 2, 2, 0, 0]
    assert date(2026, 12, 24) in business.holidays


@pytest.mark.parametrize(
    "place",
    [
        "calendars.office.zone",
        "calendars.office.week.monday.0",
        "calendars.office.week.monday.1",
        "calendars.office.week.funday",
        "calendars.office.holidays.0",
        "calendars.Shut:",
        "calendars.Shut.week",
        "calendars.over.week.tuesday.0",
        "policies.P1.calendar",
        "policies.P1.response",
        "policies.P1.thresholds",
        "policies.P1.pauses.0",
        "policies.P2.response:",
        "policies.P2.thresholds.0",
        "policies.P2.response_stops_at",
        "policies.P3.colour",
        "policies.P4",
        "policies.P9",
    ],
)
def test_every_fault_is_named_with_its_place_in_one_error(place: str) -> None:
    assert place in faults(WRONG)


def test_overlapping_intervals_are_named() -> None:
    text = WRONG.replace(', tuesday: ["08:00-24:01"]', "")
    assert "calendars.over.week.monday: intervals must be in order and must not overlap" in faults(text)


@pytest.mark.parametrize(
    "text", ["", "- a", "a: [", "calendars: 3\npolicies: {}", "{calendars: {}, policies: {}, extra: 1}"]
)
def test_what_is_no_settings_file_is_refused(text: str) -> None:
    assert faults(text).startswith("sla.yaml")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="absent"):
        load(tmp_path / "absent.yaml")
