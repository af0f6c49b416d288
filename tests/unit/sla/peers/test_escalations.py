"""Which clock runs for whom, and what is told how often, as other desks got it wrong."""

from __future__ import annotations

from typing import Any

from services.sla.domain.actions import Action
from services.sla.domain.kinds import Kind
from services.sla.storage import CLOCKS, DUE
from tests.unit.sla.factories import (
    HOUR,
    MINUTE,
    MONDAY,
    SlaInMemory,
    agreed,
    make_event,
    make_policy,
    make_rule,
    make_threshold,
)

OTHERS = {Kind.NEXT_REPLY: HOUR, Kind.ASSIGNMENT: 2 * HOUR}
ASKED = {"change": {"author_kind": "requester", "visibility": "public"}}
ANSWERED = {"change": {"author_kind": "agent", "visibility": "public"}}


def make_desk(**policy: Any) -> SlaInMemory:
    """One hour to respond, four to resolve, one for each message, two for each team; no thresholds but the target."""
    return SlaInMemory(agreed(make_rule(make_policy(**{"thresholds": (), "others": OTHERS, **policy}))))


def note(sla: SlaInMemory, version: int, hours: float, who: dict[str, Any], **data: Any) -> None:
    event = make_event(version, MONDAY + hours * HOUR, data=data, type="incident.noted")
    sla.take(type(event)(**{name: getattr(event, name) for name in event.__slots__} | {"data": event.data | who}))


def told(sla: SlaInMemory, key: str) -> list[str]:
    return [event.type.removeprefix("sla.") for event in sla.published() if event.subject == key]


def test_the_team_that_gets_an_incident_late_has_its_own_time() -> None:
    """https://github.com/glpi-project/glpi/issues/1911: the second group had no time left."""
    sla = make_desk()
    sla.take(make_event(1, data={"team": "first"}), make_event(2, MONDAY + 1.5 * HOUR, data={"team": "second"}))
    first, second = (sla.rows(CLOCKS)[f"INC0000001:assignment:{version}"] for version in (1, 2))
    assert (first["state"], first["elapsed_seconds"]) == ("met", 5400.0)
    assert (second["party"], second["due_at"]) == ("second", MONDAY + 3.5 * HOUR)
    assert sla.rows(CLOCKS)["INC0000001:resolution"]["due_at"] == MONDAY + 4 * HOUR


def test_a_person_who_takes_it_in_the_same_team_restarts_nothing() -> None:
    """https://github.com/glpi-project/glpi/issues/14423"""
    sla = make_desk()
    sla.take(make_event(1), make_event(2, MONDAY + HOUR, data={"person": "alice", "state": "in_progress"}))
    assert sla.rows(CLOCKS)["INC0000001:assignment:1"]["due_at"] == MONDAY + 2 * HOUR
    assert "INC0000001:assignment:2" not in sla.rows(CLOCKS)


def test_what_the_desk_has_answered_does_not_escalate_while_the_customer_is_silent() -> None:
    """https://github.com/zammad/zammad/issues/3140 and https://github.com/osTicket/osTicket/issues/1684"""
    sla = make_desk(resolution=900 * HOUR)
    sla.take(make_event())
    note(sla, 2, 0.1, ASKED)
    note(sla, 3, 0.5, ANSWERED, first_public_reply_at="2026-03-02T09:30:00.000Z")
    sla.tick(MONDAY + 800 * HOUR)
    assert told(sla, "INC0000001:next_reply:2") == ["started", "met"]
    assert "INC0000001:next_reply:3" not in sla.rows(CLOCKS)


def test_a_customers_note_from_the_portal_starts_a_clock_as_a_mail_does() -> None:
    """https://github.com/zammad/zammad/issues/1322"""
    sla = make_desk()
    sla.take(make_event())
    note(sla, 2, 2, ASKED, state="in_progress")
    assert sla.rows(CLOCKS)["INC0000001:next_reply:2"]["due_at"] == MONDAY + 3 * HOUR


def test_the_clock_of_the_next_reply_leaves_the_first_response_alone() -> None:
    """https://github.com/zammad/zammad/issues/5177"""
    sla = make_desk(response=4 * HOUR)
    sla.take(make_event())
    note(sla, 2, 0.5, ASKED)
    assert sla.rows(CLOCKS)["INC0000001:response"]["due_at"] == MONDAY + 4 * HOUR
    sla.tick(MONDAY + 3 * HOUR)
    assert (told(sla, "INC0000001:response"), told(sla, "INC0000001:next_reply:2")[-1]) == (["started"], "breached")


def test_the_first_answer_stops_the_response_at_once() -> None:
    """https://github.com/zammad/zammad/issues/2082: it took a second one."""
    sla = make_desk()
    sla.take(make_event())
    note(sla, 2, 0.5, ANSWERED, first_public_reply_at="2026-03-02T09:30:00.000Z")
    assert told(sla, "INC0000001:response") == ["started", "met"]
    assert "INC0000001:response" not in sla.rows(DUE)


def test_what_was_cancelled_or_merged_escalates_no_more() -> None:
    """https://github.com/zammad/zammad/issues/904"""
    sla = make_desk()
    sla.take(make_event(), make_event(2, MONDAY + MINUTE, data={"state": "cancelled"}))
    sla.tick(MONDAY + 99 * HOUR)
    assert (sla.rows(DUE), [name for name, _ in sla.told()]) == ({}, ["started", "cancelled"])


def test_an_escalation_is_told_once_however_often_the_ticker_looks() -> None:
    """https://github.com/glpi-project/glpi/issues/1996 and https://github.com/glpi-project/glpi/issues/2408"""
    late = tuple(make_threshold(minutes * MINUTE, Action.ESCALATE_LEVEL) for minutes in (10, 20))
    sla = make_desk(thresholds=late)
    sla.take(make_event())
    for minutes in range(0, 600, 10):
        sla.tick(MONDAY + minutes * MINUTE)
    assert [name for name, _ in sla.told()] == ["started", "breached", "passed", "passed"]
    assert [one["threshold"] for one in sla.rows(CLOCKS)["INC0000001:resolution"]["asked"]] == ["+10m", "+20m"]


def test_every_level_of_escalation_gets_its_turn() -> None:
    """https://github.com/glpi-project/glpi/issues/5319: only the first was ever executed."""
    sla = make_desk(thresholds=(25, 50, 75, 150))
    sla.take(make_event())
    for hours in (1.1, 2.1, 3.1, 4.1, 6.1):
        sla.tick(MONDAY + hours * HOUR)
    assert [name for name, _ in sla.told()] == ["started", "warned", "warned", "warned", "breached", "passed"]


def test_a_threshold_of_the_response_goes_by_the_response() -> None:
    """https://github.com/glpi-project/glpi/issues/2765: reminders for the time to own came by the time to resolve."""
    sla = make_desk(thresholds=(make_threshold(50, clocks=[Kind.RESPONSE]),))
    sla.take(make_event())
    sla.tick(MONDAY + HOUR - MINUTE)
    warned = [(event.subject, event.time) for event in sla.published() if event.type == "sla.warned"]
    assert warned == [("INC0000001:response", MONDAY + HOUR / 2)]


def test_a_breach_keeps_the_agreement_it_broke() -> None:
    """https://github.com/osTicket/osTicket/issues/4078: an overdue ticket lost its plan."""
    sla = make_desk()
    sla.take(make_event())
    sla.tick(MONDAY + 5 * HOUR)
    row = sla.rows(CLOCKS)["INC0000001:resolution"]
    assert (row["state"], row["policy"], row["target_seconds"]) == ("breached", "standard", 14400.0)


def test_a_target_may_be_as_long_as_it_takes() -> None:
    """https://github.com/zammad/zammad/issues/418: 99 hours at most."""
    sla = make_desk(resolution=2000 * HOUR)
    sla.take(make_event())
    assert sla.rows(CLOCKS)["INC0000001:resolution"]["due_at"] == MONDAY + 2000 * HOUR


def test_a_service_that_restarts_while_it_waits_still_escalates() -> None:
    """https://github.com/grafana-cold-storage/oncall/issues/1206: nobody was paged after a restart."""
    before, after = make_desk(), make_desk()
    before.take(make_event())
    after.store.collections = before.store.collections
    after.tick(MONDAY + 5 * HOUR)
    assert after.told()[-1] == ("breached", MONDAY + 4 * HOUR)


def test_a_breach_is_right_when_the_answer_was_in_time_and_came_late() -> None:
    """https://github.com/keephq/keep/issues/5213: what is told out of order must not leave a wrong state."""
    sla = make_desk()
    sla.take(make_event())
    sla.tick(MONDAY + 5 * HOUR)
    sla.take(make_event(2, MONDAY + 3 * HOUR, data={"state": "resolved"}))
    assert sla.rows(CLOCKS)["INC0000001:resolution"]["state"] == "met"
