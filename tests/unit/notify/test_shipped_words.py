"""The words that people get from the rules as shipped."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.notify.domain.delivery import TextFrom
from services.notify.domain.plan import plan
from services.notify.domain.rules import Reason, should_notify
from services.notify.settings import load
from services.notify.templates import Templates
from shared.config import SETTINGS_FOLDER
from tests.unit.notify.factories import make_facts

RULES = {rule.name: rule for rule in load(SETTINGS_FOLDER / "notify.yaml").policy.rules}
BY = {"by": "2026-03-02T10:00:00.000Z", "local": "2026-03-02 11:00 +01:00", "waits_for": None, "missed": False}
WAITS = {"by": None, "local": None, "waits_for": "user", "missed": False}


def words(why: str, reply: dict[str, Any] | None, solution: dict[str, Any] | None) -> str:
    data = {
        "incident": "INC0000001",
        "priority": "P3",
        "zone": "Europe/Berlin",
        "reply": reply,
        "solution": solution,
        "change": {"why": why},
    }
    rule = RULES["requester-may-expect"]
    content = Templates([rule]).render(rule, make_facts(type="sla.expected", data=data))
    assert content.text_from is TextFrom.TEMPLATE
    return content.text


def test_a_requester_reads_by_when_and_in_which_zone() -> None:
    text = words("first-promise", BY, BY)
    assert "Reply:     by 2026-03-02 11:00 +01:00\n" in text
    assert "Solution:  by 2026-03-02 11:00 +01:00\n" in text
    assert "Times are those of Europe/Berlin.\n" in text


def test_a_requester_reads_that_the_desk_waits_for_them_and_nothing_of_a_reply_that_was_given() -> None:
    text = words("waits", None, WAITS)
    assert "waits for you" in text
    assert "Solution:  no date yet\n" in text
    assert "Reply" not in text


def test_an_instant_that_was_missed_is_not_told_as_one_to_come() -> None:
    text = words("reopened", None, {**BY, "missed": True})
    assert "Solution:  was to come by 2026-03-02 11:00 +01:00\n" in text


@pytest.mark.parametrize(
    "why", ["requester-wrote", "reopened", "resumed", "priority-changed", "agreement-changed", "recomputed"]
)
def test_every_reason_has_a_sentence_of_its_own(why: str) -> None:
    assert words(why, BY, BY).splitlines()[0] != words("first-promise", BY, BY).splitlines()[0]


def rise(**change: Any) -> Any:
    data = {
        "number": "INC0000001",
        "priority": "P1",
        "title": "disk 100 %",
        "service": None,
        "ci": "db1",
        "team": "storage",
        "change": {
            "cause": "severity",
            "severity_from": "warning",
            "severity_to": "critical",
            "priority_from": "P3",
            "priority_to": "P1",
            **change,
        },
    }
    return make_facts(type="incident.prioritised", data=data)


def test_team_and_duty_manager_hear_that_an_alert_is_worse_now() -> None:
    policy = load(SETTINGS_FOLDER / "notify.yaml").policy
    storage = replace(policy.addresses, emails={**policy.addresses.emails, "storage": "storage@example.com"})
    told = {one.recipient: one.rule for one in plan(replace(policy, addresses=storage), rise()).deliveries}
    assert {name: rule.name for name, rule in told.items()} == {
        "storage": "severity-rose",
        "duty-manager": "severity-rose",
    }
    content = Templates([told["storage"]]).render(told["storage"], rise())
    assert content.subject == "INC0000001 P1: now critical: disk 100 %"
    assert "says critical now, and said warning before." in content.text
    assert "Its priority was P3 and is P1." in content.text
    assert "disk 100 %" in content.text


def test_they_hear_of_it_also_where_a_person_keeps_the_priority() -> None:
    rule = RULES["severity-rose"]
    facts = rise(kept=True, severity_from=None)
    assert should_notify(rule, facts, max_hops=16) is Reason.MATCHED
    content = Templates([rule]).render(rule, facts)
    assert "says critical now.\n" in content.text
    assert "Its priority stays P1, as a person has set it." in content.text
