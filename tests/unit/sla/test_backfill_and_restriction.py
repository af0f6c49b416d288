from __future__ import annotations

from services.sla.storage import DUE
from shared.envelope import Lane
from tests.unit.sla.factories import HOUR, MINUTE, MONDAY, SlaInMemory, make_event, make_restricted
from tests.unit.sla.lives import life


def test_history_that_is_brought_over_is_counted_and_warns_nobody() -> None:
    sla = SlaInMemory()
    sla.take(*life(backfill=True))
    in_time, late = ["started", "paused", "resumed", "recomputed"], ["breached", "ended", "resumed", "ended"]
    assert [name for name, _ in sla.told()] == [*in_time, *late]
    assert all(event.backfill and event.lane is Lane.BULK for event in sla.published())
    assert sla.rows(DUE) == {}
    assert sla.breaches == []


def test_the_ticker_leaves_running_history_alone() -> None:
    sla = SlaInMemory()
    sla.take(make_event(backfill=True))
    assert sla.rows(DUE) == {}
    assert sla.tick(MONDAY + 90 * HOUR) == 0


def test_what_history_passed_before_it_became_live_stays_history() -> None:
    sla = SlaInMemory()
    old = make_event(backfill=True)
    sla.take(old, make_event(2, MONDAY + 90 * MINUTE), make_event(3, MONDAY + 3 * HOUR))
    told = [(event.type, event.backfill) for event in sla.published() if event.subject == "INC0000001:resolution"]
    assert told == [("sla.started", True), ("sla.warned", False)]
    breach = next(event for event in sla.published() if event.type == "sla.breached")
    assert (breach.subject, breach.backfill) == ("INC0000001:response", True)
    assert sla.rows(DUE).keys() == {"INC0000001:resolution"}


def test_a_restricted_incident_has_clocks_that_tell_no_more_than_it_does() -> None:
    sla = SlaInMemory()
    sla.take(
        make_restricted(),
        make_restricted(2, MONDAY + MINUTE, state="in_progress", type="incident.accepted"),
        make_restricted(3, MONDAY + 9 * HOUR, state="resolved"),
    )
    assert [name for name, _ in sla.told("response")] == ["started", "met"]
    assert [name for name, _ in sla.told()] == ["started", "warned", "breached", "ended"]
    for event in sla.published():
        assert event.restricted
        assert event.data.keys() == {"number", "version", "state", "priority"}


def test_a_threshold_passed_before_an_incident_was_restricted_is_told_restricted() -> None:
    sla = SlaInMemory()
    sla.take(make_event(), make_restricted(2, MONDAY + 9 * HOUR, state="assigned"))
    late = [event for event in sla.published() if event.type != "sla.started"]
    assert all(event.restricted for event in late)
