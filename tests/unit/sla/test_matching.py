"""Which policy an incident gets, why, and by which version."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.sla.domain.basis import Basis, Field, differences
from services.sla.domain.case import fold
from services.sla.domain.policy import Agreements, Kind, Match
from services.sla.domain.run import terms_of
from tests.unit.sla.factories import (
    HOUR,
    MONDAY,
    SlaInMemory,
    agreed,
    make_calendar,
    make_event,
    make_history,
    make_policy,
    make_restricted,
    make_rule,
    make_version,
)

RULES = agreed(
    make_rule("acme-requests", organisation="acme", kind="request"),
    make_rule("framework", contract=("K-1", "K-2")),
    make_rule("premium-network", priority="P1", service=("network", "vpn")),
    make_rule("third-line", level=(3, 4), category="database"),
    make_rule("critical", priority="P1"),
    make_rule("standard"),
)


def matched(agreements: Agreements = RULES, **fields: Any) -> Match:
    return agreements.match(Basis(**{"priority": "P3", **fields}), MONDAY)


@pytest.mark.parametrize(
    ("fields", "name", "rule"),
    [
        ({}, "standard", 6),
        ({"priority": "P1"}, "critical", 5),
        ({"priority": "P1", "service": "vpn"}, "premium-network", 3),
        ({"priority": "P2", "service": "vpn"}, "standard", 6),
        ({"organisation": "acme", "kind": "request", "priority": "P1"}, "acme-requests", 1),
        ({"organisation": "acme", "kind": "incident"}, "standard", 6),
        ({"contract": "K-2", "priority": "P1"}, "framework", 2),
        ({"level": 3, "category": "database"}, "third-line", 4),
        ({"level": 3}, "standard", 6),
    ],
)
def test_the_first_rule_whose_conditions_all_hold_wins(fields: dict[str, Any], name: str, rule: int) -> None:
    match = matched(**fields)
    assert (match.policy.name, match.rule) == (name, rule)


def test_a_match_explains_itself() -> None:
    expected = "matched rule 3 (premium-network) because priority is P1 and service is network"
    assert matched(priority="P1", service="network").why == expected
    assert matched().why == "matched rule 6 (standard) because it takes every incident"


def test_the_fields_that_differ_are_named() -> None:
    before, after = Basis(priority="P3", service="mail"), Basis(priority="P1", service="mail", level=2)
    assert differences(before, after) == (Field.PRIORITY, Field.LEVEL)


VERSIONS = Agreements(
    versions=(
        make_version("2025", make_rule("old")),
        make_version("2026-03", make_rule("new"), effective_from=MONDAY),
        make_version("2026-04", make_rule("newest"), effective_from=MONDAY + timedelta(days=30)),
    ),
    calendars={"always": make_calendar()},
)


@pytest.mark.parametrize(
    ("began", "version"),
    [(-HOUR, "2025"), (-timedelta(milliseconds=1), "2025"), (0 * HOUR, "2026-03"), (timedelta(days=31), "2026-04")],
)
def test_the_version_in_force_when_the_record_began_holds_for_it(began: timedelta, version: str) -> None:
    assert VERSIONS.match(Basis(priority="P3"), MONDAY + began).version == version


def test_the_first_version_holds_for_records_that_are_older_than_it() -> None:
    first = make_version("1", make_rule("only"), effective_from=MONDAY)
    agreements = Agreements(versions=(first,), calendars={})
    assert agreements.match(Basis(priority="P3"), MONDAY - HOUR).version == "1"


def test_a_version_that_comes_while_a_record_runs_does_not_touch_it() -> None:
    history = make_history((0 * HOUR, {}), (timedelta(days=40), {"priority": "P1"}))
    case, _ = fold("INC0000001", history, VERSIONS)
    run = case.run(Kind.RESOLUTION)
    assert run is not None
    assert terms_of(run, VERSIONS).match.version == "2026-03"


def test_a_clock_tells_its_policy_its_version_and_why_it_has_it() -> None:
    sla = SlaInMemory(RULES)
    sla.take(make_event(data={"priority": "P1", "service": "vpn", "kind": "incident", "category": None}))
    data = sla.published()[0].data
    assert (data["policy"], data["policy_version"], data["rule"]) == ("premium-network", "1", 3)
    assert data["matched"] == "matched rule 3 (premium-network) because priority is P1 and service is vpn"


def test_a_restricted_version_goes_by_what_was_known_last() -> None:
    sla = SlaInMemory(RULES)
    sla.take(make_event(data={"contract": "K-1"}), make_restricted(2, MONDAY + HOUR / 2, state="assigned"))
    assert [event.type for event in sla.published()] == ["sla.started", "sla.started"]
    run = sla.rows("cases")["INC0000001"]["runs"][1]
    assert (run["basis"]["contract"], run["basis"]["organisation"]) == ("K-1", "acme")


@pytest.mark.parametrize(
    "changed",
    [
        {"service": "mail"},
        {"organisation": "umbrella"},
        {"contract": "K-9"},
        {"category": "database"},
        {"kind": "request"},
        {"level": 2},
    ],
)
def test_a_change_of_any_field_that_a_rule_reads_leads_to_another_policy(changed: dict[str, Any]) -> None:
    strict = make_policy(name="strict", resolution=2 * HOUR, thresholds=())
    agreements = agreed(make_rule(strict, **changed), make_rule(make_policy(thresholds=())))
    waiting = {"state": "waiting", "waiting_reason": "user"}
    history = make_history(
        (0 * HOUR, {}), (HOUR / 2, waiting), (20 * HOUR, {"state": "assigned"}), (20.5 * HOUR, changed)
    )
    _, moments = fold("INC0000001", history, agreements)
    moved = next(one.event for one in moments if one.event.type == "sla.recomputed" and one.run.kind is Kind.RESOLUTION)
    assert moved.change == {
        "fields": list(changed),
        "why": f"matched rule 1 (strict) because {next(iter(changed))} is {next(iter(changed.values()))}",
        "priority_from": "P3",
        "priority_to": "P3",
        "policy_from": "standard",
        "policy_to": "strict",
        "rule_from": 2,
        "rule_to": 1,
        "target_from": 4 * 3600.0,
        "target_to": 2 * 3600.0,
        "due_from": MONDAY + 23.5 * HOUR,
        "due_to": MONDAY + 21.5 * HOUR,
    }


def test_a_change_that_no_rule_reads_moves_nothing() -> None:
    history = make_history((0 * HOUR, {}), (HOUR / 2, {"level": 2, "service": "mail", "category": "disk"}))
    _, moments = fold("INC0000001", history, RULES)
    assert {one.event.type for one in moments} == {"sla.started"}


def test_a_breach_keeps_the_policy_at_which_it_was() -> None:
    history = make_history((0 * HOUR, {}), (5 * HOUR, {"contract": "K-1"}))
    case, _ = fold("INC0000001", history, RULES)
    run = case.run(Kind.RESOLUTION)
    assert run is not None
    assert terms_of(run, RULES).policy.name == "standard"
