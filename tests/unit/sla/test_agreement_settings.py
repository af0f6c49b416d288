"""Further agreements in the settings file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import takewhile

import pytest

from services.sla.domain.policy import MAIN, Kind
from services.sla.settings import parse_agreements
from tests.unit.sla.test_settings import ORDERED, SHIPPED, TERMS, faults

FURTHER = f"""{ORDERED}
agreements:
  premium:
    policies:
      - {{name: gold, when: {{organisation: acme}}, {TERMS}}}
      - {{name: gold-network, when: {{service: network}}, {TERMS}}}
  inside:
    internal: true
    versions:
      - version: "1"
        effective_from: 2026-01-01T00:00:00Z
        policies: {{P1: {{name: swift, calendar: office, assignment: 30m}}}}
"""


def test_further_agreements_are_read_in_their_order() -> None:
    first, premium, inside = parse_agreements(FURTHER, name="sla.yaml").every
    assert [(one.name, one.internal) for one in (first, premium, inside)] == [
        (MAIN, False),
        ("premium", False),
        ("inside", True),
    ]
    assert [rule.policy.name for rule in premium.versions[0].rules] == ["gold", "gold-network"]
    assert premium.versions[0].effective_from is None
    assert inside.versions[0].effective_from == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_policy_of_a_further_agreement_need_not_have_the_targets_of_the_first() -> None:
    inside = parse_agreements(FURTHER, name="sla.yaml").of("inside")
    assert inside.versions[0].rules[0].policy.targets == {Kind.ASSIGNMENT: timedelta(minutes=30)}


def test_the_example_of_the_shipped_file_is_right() -> None:
    shipped = SHIPPED.read_text(encoding="utf-8")
    lines = shipped[shipped.index("# agreements:") :].splitlines()
    example = [line.removeprefix("# ").removeprefix("#") for line in takewhile(lambda line: line[:1] == "#", lines)]
    found = parse_agreements("\n".join([shipped, *example]), name="sla.yaml")
    assert [one.name for one in found.further] == ["acme-contract", "house"]


def test_a_file_without_further_agreements_has_the_first_alone() -> None:
    assert parse_agreements(ORDERED, name="sla.yaml").further == ()


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("  premium:", "  main:", "agreements.main: 'main' is the name of the agreement that takes every incident"),
        ("  premium:", "  all:", "agreements.all: 'all' is the name of every agreement"),
        ("  premium:", "  Premium:", "agreements.Premium: must be lower-case letters"),
        ("internal: true", "internal: maybe", "agreements.inside.internal: Not a valid boolean"),
        ("internal: true", "inner: true", "agreements.inside.inner: Unknown field"),
        ("organisation: acme}", "planet: acme}", "agreements.premium.policies.0.when.planet: Unknown field"),
        ("name: gold-network,", "name: gold,", "agreements.premium.policies.1: there is another policy 'gold'"),
        ("when: {organisation: acme}, ", "", "agreements.premium.policies.1: takes nothing, because rule 1 before it"),
        ("assignment: 30m", "pauses: []", "agreements.inside.versions.0.policies.P1: must have a target for one of"),
        ("assignment: 30m", "vendor: 3", "agreements.inside.versions.0.policies.P1.vendor: 3 is not a duration"),
        (
            "name: swift, calendar: office",
            "name: swift, calendar: moon",
            "agreements.inside.versions.0.policies.P1.calendar: there is no calendar 'moon'",
        ),
        ("internal: true", "policies: []", "agreements.inside: there must be either policies or versions"),
        (
            "  premium:\n    policies:",
            "  premium:\n    internal: true\n    rules:",
            "agreements.premium: there must be",
        ),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00", "agreements.inside.versions.0.effective_from: '2026-"),
    ],
)
def test_faults_of_further_agreements_are_named_with_their_place(before: str, after: str, fault: str) -> None:
    head, _, own = FURTHER.partition("agreements:")
    assert fault in faults(f"{head}agreements:{own.replace(before, after)}")


@pytest.mark.parametrize("wrong", ["[]", "premium", "{premium: 3}", "{premium: {policies: {}}}", "{premium: {}}"])
def test_what_is_no_agreement_is_refused(wrong: str) -> None:
    assert "agreements" in faults(f"{ORDERED}\nagreements: {wrong}\n")
