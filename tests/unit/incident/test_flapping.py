"""Alerts that clear and fire again, and sources that have gone silent."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.incident.domain.alert_rules import AlertRules, Flapping, Silence
from services.incident.domain.record import Link, LinkKind, State
from services.incident.handlers import quiet
from shared.envelope import Envelope
from tests.unit.incident.factories import NOW, RULES, House, make_alert


class Live:
    """A house in which each message is said at the moment at which it comes."""

    def __init__(self, rules: AlertRules = RULES.alerts) -> None:
        self.house = House(at=NOW, alerts=rules)
        self._count = 0

    def after(self, span: timedelta) -> Live:
        self.house.unit_of_work.clock.advance(span)  # type: ignore[attr-defined]
        return self

    def fires(self, **data: Any) -> None:
        self._say(True, data)

    def clears(self, **data: Any) -> None:
        self._say(False, data)

    def looks(self) -> int:
        return self.house.unit_of_work.run(lambda work: quiet.look_at_due(work, ports=self.house.ports))

    def states(self) -> list[State]:
        return [incident.state for incident in self.house.incidents().values()]

    def history(self) -> list[str]:
        return self.house.types()

    def _say(self, fires: bool, data: dict[str, Any]) -> None:
        self._count += 1
        message = make_alert(f"m{self._count}", fires=fires, **data)
        taken = self.house.tell(replace(message, time=self.house.unit_of_work.clock.now()))
        assert not taken.rejected


SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def test_a_firing_soon_after_its_alert_cleared_reopens_the_incident() -> None:
    live = Live()
    live.fires()
    live.after(MINUTE).clears()
    live.after(15 * MINUTE).fires()
    assert live.states() == [State.NEW]
    last = live.house.events()[-1]
    assert (last.type, last.data["change"]["cause"]) == ("incident.reopened", "alert")
    assert last.data["change"]["reason"] == "Its alert fires again within 15 minutes of having cleared."
    assert live.house.row("open_alerts", live.house.incident("INC0000001").fingerprint or "")["count"] == 2
    live.after(MINUTE).clears()
    assert live.states() == [State.RESOLVED]


def test_a_firing_later_than_that_is_another_incident() -> None:
    live = Live()
    live.fires()
    live.after(MINUTE).clears()
    live.after(15 * MINUTE + SECOND).fires()
    assert live.states() == [State.RESOLVED, State.NEW]


@pytest.mark.parametrize("end", ["resolve", "close"])
def test_what_a_person_ended_is_not_reopened_by_an_alert(end: str) -> None:
    live = Live()
    live.fires()
    if end == "close":
        live.after(MINUTE).clears()
    live.house.do(end, "INC0000001", code="fixed")
    live.after(MINUTE).fires()
    assert live.states()[1:] == [State.NEW]


def test_ten_flaps_are_one_incident_that_is_reopened_twice_and_then_held_open() -> None:
    live = Live()
    for _ in range(10):
        live.after(4 * SECOND).fires()
        live.after(4 * SECOND).clears()
    assert live.states() == [State.NEW]
    assert live.history() == [
        "incident.opened",
        *("incident.resolved", "incident.reopened") * 2,
        "incident.noted",
    ]
    (note,) = live.house.rows("notes").values()
    assert (note["visibility"], note["author_kind"]) == ("private", "system")
    assert note["text"] == (
        "Its alert has cleared 3 times within 15 minutes. "
        "The incident stays open until the alert has been quiet for 10 minutes."
    )


def test_what_is_held_is_resolved_when_it_has_been_quiet() -> None:
    live = Live()
    for _ in range(4):
        live.after(SECOND).fires()
        live.after(SECOND).clears()
    assert live.after(10 * MINUTE - SECOND).looks() == 0
    live.fires()
    assert live.after(5 * MINUTE).looks() == 0
    live.clears()
    live.after(10 * MINUTE).looks()
    assert live.states() == [State.RESOLVED]
    incident = live.house.incident("INC0000001")
    assert incident.resolution is not None
    assert incident.resolution.code == "alert_cleared"
    assert incident.resolution.text == "Its alert had flapped, and has been quiet for 10 minutes since."
    assert live.house.rows("open_alerts") == {}
    assert live.looks() == 0


def test_a_person_may_end_what_is_held() -> None:
    live = Live()
    for _ in range(3):
        live.after(SECOND).fires()
        live.after(SECOND).clears()
    live.house.do("resolve", "INC0000001", code="fixed")
    assert live.after(HOUR).looks() == 0
    assert live.states() == [State.RESOLVED]


def test_flaps_far_apart_are_incidents_of_their_own() -> None:
    live = Live()
    for _ in range(4):
        live.after(HOUR).fires()
        live.after(MINUTE).clears()
    assert live.states() == [State.RESOLVED] * 4


def test_flapping_may_be_switched_off() -> None:
    live = Live(replace(RULES.alerts, flapping=Flapping(reopen_within=timedelta(), times=100)))
    for _ in range(4):
        live.after(SECOND).fires()
        live.after(SECOND).clears()
    assert live.states() == [State.RESOLVED] * 4


def test_history_is_not_held_open() -> None:
    house = House()
    messages: list[Envelope] = []
    for number in range(8):
        alert = make_alert(str(number), number / 60, fires=number % 2 == 0)
        messages.append(replace(alert, backfill=True))
    house.tell(*messages)
    assert [one.state for one in house.incidents().values()] == [State.RESOLVED]
    assert house.rows("open_alerts") == {}


def test_of_a_pair_one_of_which_is_gone_the_incident_ends_when_the_other_has_cleared() -> None:
    live = Live()
    live.fires(source="a")
    live.fires(source="b")
    live.after(HOUR).clears(source="a")
    live.after(5 * HOUR - MINUTE).looks()
    assert live.states() == [State.NEW]
    live.after(MINUTE).looks()
    assert live.states() == [State.RESOLVED]
    resolution = live.house.incident("INC0000001").resolution
    assert resolution is not None
    assert resolution.code == "alert_expired"
    assert resolution.text == (
        "b has not repeated the alert for 5 hours, and another sender of the same alert has cleared."
    )


def test_a_source_that_repeats_itself_does_not_expire() -> None:
    live = Live()
    live.fires(source="a")
    live.fires(source="b")
    live.clears(source="a")
    for _ in range(5):
        live.after(4 * HOUR).fires(source="b")
        live.looks()
    assert live.states() == [State.NEW]
    live.after(5 * HOUR).looks()
    assert live.states() == [State.RESOLVED]


def test_a_source_is_silent_beside_what_has_cleared_and_not_beside_what_fires_again() -> None:
    live = Live()
    live.fires(source="a")
    live.fires(source="b")
    live.after(MINUTE).clears(source="a")
    live.after(MINUTE).fires(source="a")
    live.after(6 * HOUR).looks()
    assert live.house.row("alerts", f"{live.house.incident('INC0000001').fingerprint}:b")["status"] == "firing"
    live.clears(source="a")
    live.after(5 * HOUR).looks()
    assert live.states() == [State.RESOLVED]


def test_a_lone_source_never_expires_unless_the_settings_say_when() -> None:
    live = Live()
    live.fires(source="a")
    live.after(1000 * HOUR).looks()
    assert live.states() == [State.NEW]


def test_a_source_expires_after_what_the_settings_say_of_it_and_may_come_back() -> None:
    silence = Silence(beside_cleared=None, expire_after={"a": 2 * HOUR})
    live = Live(replace(RULES.alerts, silence=silence))
    live.fires(source="a")
    live.fires(source="b", dedup_key="other")
    live.after(HOUR).fires(source="a")
    live.after(HOUR).looks()
    assert live.states() == [State.NEW, State.NEW]
    live.after(HOUR).looks()
    assert live.states() == [State.RESOLVED, State.NEW]
    live.after(MINUTE).fires(source="a")
    assert live.states() == [State.NEW, State.NEW]


def test_an_expired_source_whose_last_word_was_a_while_ago_counts_anew_when_it_fires() -> None:
    silence = Silence(expire_after={"a": 2 * HOUR})
    live = Live(replace(RULES.alerts, silence=silence))
    live.fires(source="a")
    live.after(2 * HOUR).looks()
    live.after(HOUR).fires(source="a")
    assert live.states() == [State.RESOLVED, State.NEW]


def test_what_an_expired_source_repeats_under_its_first_time_counts_anew() -> None:
    live = Live(replace(RULES.alerts, silence=Silence(expire_after={"a": 3 * HOUR})))
    started_at = live.house.unit_of_work.clock.now()
    live.house.tell(replace(make_alert("1", source="a"), time=started_at))
    live.after(3 * HOUR).looks()
    assert live.states() == [State.RESOLVED]
    live.after(HOUR)
    for id in ("2", "3"):
        live.house.tell(replace(make_alert(id, source="a"), time=started_at))
    assert live.states() == [State.RESOLVED, State.NEW]
    assert live.house.incident("INC0000002").opened_at == started_at + 4 * HOUR
    live.after(MINUTE).clears(source="a")
    live.house.tell(replace(make_alert("late", source="a"), time=started_at))
    assert live.states() == [State.RESOLVED] * 2


def test_an_alert_that_flaps_for_days_is_never_refused_and_leaves_turns_for_people() -> None:
    live = Live()
    for _ in range(260):
        live.after(14 * MINUTE).fires()
        assert live.states()[-1] is State.NEW
        live.after(5 * MINUTE).clears()
    assert live.states() == [State.RESOLVED] * 2
    assert live.history().count("incident.opened") == 2
    assert live.house.incident("INC0000002").links == (Link(kind=LinkKind.INCIDENT, number="INC0000001"),)
    (note,) = live.house.rows("notes").values()
    assert note["text"].startswith("Its alert fires again within 15 minutes of having cleared. INC0000001")
    assert "record" in live.house.do("reopen", "INC0000001", reason="It is not over.")
    assert "record" in live.house.do("assign", "INC0000001", team="network")
