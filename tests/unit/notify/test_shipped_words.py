"""The words that requesters get from the rules as shipped."""

from __future__ import annotations

from typing import Any

import pytest

from services.notify.domain.delivery import TextFrom
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
