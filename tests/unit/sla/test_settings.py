from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from services.sla.domain.actions import Action
from services.sla.domain.policy import PRIORITIES, Kind, StopsAt
from services.sla.settings import load, parse_agreements
from shared.errors import Invalid
from tests.unit.sla.factories import terms_for

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
    assert {"always", "business"} <= agreements.calendars.keys()
    assert all(terms_for(agreements, priority) for priority in PRIORITIES)


def test_a_policy_is_read_as_written() -> None:
    policy = terms_for(load(SHIPPED), "P1").policy
    assert (policy.target(Kind.RESPONSE), policy.target(Kind.RESOLUTION)) == (
        timedelta(minutes=15),
        timedelta(hours=4),
    )
    assert [mark.name for mark in policy.marks(Kind.RESPONSE)] == ["50%", "75%", "90%", "100%"]
    assert policy.response_stops_at is StopsAt.EITHER
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


CALENDARS = """
calendars:
  office: {zone: UTC, week: {monday: ["08:00-12:00"]}}
"""
TERMS = "calendar: office, response: 1h, resolution: 4h"
ORDERED = f"""{CALENDARS}
policies:
  - {{name: premium, when: {{organisation: acme, service: [network, vpn], priority: P1, level: [1, 2]}}, {TERMS}}}
  - {{name: rest, {TERMS}}}
"""
VERSIONED = f"""{CALENDARS}
versions:
  - version: "2025"
    effective_from: 2025-01-01T00:00:00Z
    policies: [{{name: old, {TERMS}}}]
  - version: "2026"
    effective_from: 2026-01-01T00:00:00+01:00
    policies: [{{name: new, {TERMS}}}]
"""


def test_rules_are_read_in_their_order_with_their_conditions() -> None:
    (version,) = parse_agreements(ORDERED, name="sla.yaml").versions
    assert [rule.policy.name for rule in version.rules] == ["premium", "rest"]
    read = {one.field.value: one.values for one in version.rules[0].conditions}
    assert read == {"organisation": ("acme",), "service": ("network", "vpn"), "priority": ("P1",), "level": (1, 2)}


def test_a_policy_for_each_priority_is_a_rule_for_each_priority() -> None:
    policies = ", ".join(f"{name}: {{name: same, {TERMS}}}" for name in PRIORITIES)
    agreements = parse_agreements(f"{CALENDARS}\npolicies: {{{policies}}}", name="sla.yaml")
    assert [terms_for(agreements, name).match.rule for name in PRIORITIES] == [1, 2, 3, 4]


def test_versions_are_read_with_their_instants() -> None:
    versions = parse_agreements(VERSIONED, name="sla.yaml").versions
    assert [(one.version, one.effective_from) for one in versions] == [
        ("2025", datetime(2025, 1, 1, tzinfo=UTC)),
        ("2026", datetime(2025, 12, 31, 23, tzinfo=UTC)),
    ]


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        (f"- {{name: rest, {TERMS}}}", "", "policies: no rule takes every incident of P1, P2, P3, P4"),
        ("name: rest,", "name: rest, when: {priority: [P1, P2, P3]},", "no rule takes every incident of P4"),
        ("name: rest,", "name: rest, when: {kind: incident},", "no rule takes every incident of P1, P2, P3, P4"),
        ("name: rest,", "name: premium,", "policies.1: there is another policy 'premium'"),
        ("when: {organisation", "when: {planet", "policies.0.when.planet: Unknown field"),
        ("priority: P1", "priority: P9", "policies.0.when.priority: 'P9' is not one of P1, P2, P3, P4"),
        ("level: [1, 2]", "level: [1, 9]", "policies.0.when.level: 9 is not one of 1, 2, 3, 4"),
        ("level: [1, 2]", "level: []", "policies.0.when.level: an empty list takes nothing"),
        ("organisation: acme", "organisation: 3", "policies.0.when.organisation: 3 is not a text"),
        ("calendar: office", "calendar: nowhere", "policies.0.calendar: there is no calendar 'nowhere'"),
    ],
)
def test_faults_of_rules_are_named(before: str, after: str, fault: str) -> None:
    assert fault in faults(ORDERED.replace(before, after))


def test_a_rule_that_can_take_nothing_is_named() -> None:
    last = f"- {{name: rest, {TERMS}}}"
    text = ORDERED.replace(last, f"{last}\n  - {{name: late, when: {{level: 1}}, {TERMS}}}")
    assert "policies.2: takes nothing, because rule 2 before it takes all of it" in faults(text)


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("2026-01-01T00:00:00+01:00", "2024-01-01T00:00:00Z", "versions: must rise by effective_from"),
        ('"2026"', '"2025"', "versions: two versions have the same name"),
        ("2025-01-01T00:00:00Z", "2025-01-01T00:00:00", "versions.0.effective_from: '2025-01-01T00:00:00' is"),
        ("versions:", "policies: []\nversions:", "there must be either policies or versions"),
        ("name: new, calendar: office", "name: new, calendar: moon", "versions.1.policies.0.calendar: there is no"),
    ],
)
def test_faults_of_versions_are_named(before: str, after: str, fault: str) -> None:
    assert fault in faults(VERSIONED.replace(before, after))


def thresholds(text: str) -> str:
    return ORDERED.replace("name: rest,", f"name: rest, thresholds: [{text}],")


def test_thresholds_are_read_with_their_actions_and_clocks() -> None:
    text = thresholds("50, {at: 75%, actions: [notify]}, {at: 125}, {before: 30m}, {after: 2h, clocks: [resolution]}")
    policy = terms_for(parse_agreements(text, name="sla.yaml")).policy
    assert [mark.name for mark in policy.marks(Kind.RESPONSE)] == ["50%", "-30m", "75%", "100%", "125%"]
    assert [mark.name for mark in policy.marks(Kind.RESOLUTION)] == ["50%", "75%", "-30m", "100%", "125%", "+2h"]
    assert policy.thresholds[1].mark.actions == (Action.NOTIFY,)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{at: 75}, 50", "policies.1.thresholds: percents must rise"),
        ("0", "policies.1.thresholds.0.at: 0 is not a part of the target from 1% to 1000%"),
        ("75 %", "policies.1.thresholds.0.at: '75 %' is not a part"),
        ("{at: 75%, after: 2h}", "policies.1.thresholds.0: must have one of at, before, after"),
        ("{actions: [notify]}", "policies.1.thresholds.0: must have one of at, before, after"),
        ("{at: 100%}", "policies.1.thresholds.0: the breach at 100% needs no naming"),
        ("{at: 75%, actions: [sing]}", "policies.1.thresholds.0.actions.0: Must be one of: notify"),
        ("{at: 75%, actions: [notify, notify]}", "policies.1.thresholds.0: an action is named twice"),
        ("{before: 30m}, {before: 1800s}", "policies.1.thresholds: -30m is named twice for one clock"),
        ("{before: 1h}", "policies.1.thresholds: -1h is no later than the start of the response clock"),
        ("{before: 1h, clocks: []}", "policies.1.thresholds.0.clocks: Shorter than minimum length 1"),
    ],
)
def test_faults_of_thresholds_are_named(text: str, fault: str) -> None:
    assert fault in faults(thresholds(text))
