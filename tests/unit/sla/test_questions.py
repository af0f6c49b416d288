from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from marshmallow import ValidationError

from services.sla import handlers, schemas
from shared.errors import NotFound
from tests.unit.sla.factories import HOUR, MINUTE, MONDAY, SlaInMemory, make_event, make_restricted

ACCEPTED = {"state": "in_progress", "accepted_at": "2026-03-02T09:05:00.000Z"}
WAITING = {**ACCEPTED, "state": "waiting", "waiting_reason": "user"}


def make_desk(count: int, *, apart: timedelta = MINUTE) -> SlaInMemory:
    """Incidents opened one after the other, all running."""
    sla = SlaInMemory()
    events = [make_event(1, MONDAY + n * apart, data={"number": f"INC{n:07d}"}) for n in range(count)]
    sla.take(*events)
    return sla


def walk(sla: SlaInMemory, **args: Any) -> list[str]:
    """All pages of `find`, as keys."""
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = sla.ask(handlers.find, {**args, **({"cursor": cursor} if cursor else {})})
        found += [record["number"] for record in page["records"]]
        cursor = page["next"]
    return found


def test_the_clocks_of_an_incident_come_with_every_span_and_its_reason() -> None:
    sla = SlaInMemory()
    sla.take(make_event(), make_event(2, MONDAY + HOUR, data=WAITING), make_event(3, MONDAY + 3 * HOUR, data=ACCEPTED))
    sla.clock.advance(4 * HOUR)
    answer = sla.ask(handlers.get, number="INC0000001")
    resolution = next(clock for clock in answer["clocks"] if clock["clock"] == "resolution")
    assert (answer["folded"], answer["missing"]) == (3, None)
    assert resolution["elapsed_seconds"] == 2 * 3600
    assert [
        (span["from"], span["activity"], span["counts"], span["reason"], span["version"])
        for span in resolution["spans"]
    ] == [
        ("2026-03-02T09:00:00.000Z", "running", True, None, 1),
        ("2026-03-02T10:00:00.000Z", "waiting", False, "user", 2),
        ("2026-03-02T12:00:00.000Z", "running", True, None, 3),
    ]


def test_a_clock_that_has_stopped_tells_when_even_if_it_was_late() -> None:
    sla = SlaInMemory()
    sla.take(make_event(), make_event(2, MONDAY + 5 * HOUR, data={**ACCEPTED, "state": "resolved"}))
    sla.clock.advance(50 * HOUR)
    clocks = sla.ask(handlers.get, number="INC0000001")["clocks"]
    assert [(clock["state"], clock["stopped_at"], clock["elapsed_seconds"]) for clock in clocks] == [
        ("breached", "2026-03-02T14:00:00.000Z", 5 * 3600.0)
    ] * 2
    assert clocks[0]["thresholds"][-1] == {
        "threshold": "100%",
        "percent": 100,
        "at": "2026-03-02T10:00:00.000Z",
    }


def test_the_missing_version_is_named() -> None:
    sla = SlaInMemory()
    sla.take(make_event(), make_event(3))
    assert sla.ask(handlers.get, number="INC0000001")["missing"] == 2


def test_an_incident_that_sla_never_heard_of_is_not_found() -> None:
    with pytest.raises(NotFound):
        SlaInMemory().ask(handlers.get, number="INC0000009")


def test_a_restricted_incidents_clocks_show_what_its_events_show() -> None:
    sla = SlaInMemory()
    sla.take(make_event(), make_restricted(2, MONDAY + MINUTE))
    only = {"number", "version", "state", "priority"}
    assert all(clock.keys() == only for clock in sla.ask(handlers.get, number="INC0000001")["clocks"])


def test_restricted_clocks_in_a_list_show_what_their_events_show() -> None:
    sla = SlaInMemory()
    sla.take(make_restricted())
    assert all(one.keys() == {"number", "version", "state", "priority"} for one in sla.ask(handlers.find)["records"])


@pytest.mark.parametrize("limit", [1, 3, 200])
@pytest.mark.parametrize("apart", [timedelta(0), MINUTE, timedelta(days=50)])
def test_pages_give_every_clock_once_in_order_of_start(limit: int, apart: timedelta) -> None:
    sla = make_desk(7, apart=apart)
    sla.clock.advance(timedelta(days=400))
    found = walk(sla, limit=limit)
    assert sorted(found) == sorted(f"INC{n:07d}:{kind}" for n in range(7) for kind in ("resolution", "response"))
    assert [key[:10] for key in found] == sorted(key[:10] for key in found)


def test_clocks_are_found_by_state_and_start() -> None:
    sla = make_desk(4, apart=HOUR)
    sla.take(make_event(2, MONDAY + 2 * HOUR, data={**ACCEPTED, "number": "INC0000001"}))
    assert walk(sla, state="met") == ["INC0000001:response"]
    within = walk(sla, state="running", since=MONDAY + HOUR, until=MONDAY + 3 * HOUR)
    assert within == ["INC0000001:resolution", "INC0000002:resolution", "INC0000002:response"]


@pytest.mark.parametrize("since", [None, "0001-01-01T00:00:00Z"])
@pytest.mark.parametrize("until", [None, "9999-12-31T23:59:59.999Z"])
def test_a_period_may_begin_and_end_whenever_it_likes(since: str | None, until: str | None) -> None:
    args = {name: value for name, value in (("since", since), ("until", until)) if value}
    assert len(walk(make_desk(2), **schemas.FindArgs().load(args))) == 4


def test_attainment_is_met_over_decided_by_priority_and_clock() -> None:
    sla = make_desk(4)
    for number, after in ((0, 1), (1, 9)):
        done = {**ACCEPTED, "number": f"INC000000{number}", "state": "resolved"}
        sla.take(make_event(2, MONDAY + after * HOUR, data=done))
    sla.take(make_event(2, MONDAY + HOUR, data={"number": "INC0000002", "state": "cancelled"}))
    report = sla.ask(handlers.report)
    assert report["priorities"]["P3"]["resolution"] == {
        "met": 1,
        "breached": 1,
        "running": 1,
        "cancelled": 1,
        "attainment": 0.5,
    }
    assert report["priorities"]["P1"]["response"]["attainment"] is None


def test_a_clock_past_its_due_instant_is_reported_as_breached_though_nobody_was_told() -> None:
    sla = SlaInMemory()
    sla.take(make_event(backfill=True))
    sla.clock.advance(2 * HOUR)
    report = sla.ask(handlers.report)["priorities"]["P3"]
    assert (report["response"]["breached"], report["resolution"]["running"]) == (1, 1)


def test_a_report_counts_only_clocks_that_started_in_the_period() -> None:
    sla = make_desk(4, apart=HOUR)
    report = sla.ask(handlers.report, {"since": MONDAY + HOUR, "until": MONDAY + 3 * HOUR})
    assert report["priorities"]["P3"]["response"]["running"] == 2


def test_a_report_of_more_than_a_page_counts_each_clock_once() -> None:
    sla = make_desk(600, apart=timedelta(0))
    assert sla.ask(handlers.report)["priorities"]["P3"]["response"]["running"] == 600


def test_cases_with_a_gap_are_counted() -> None:
    sla = SlaInMemory()
    sla.take(make_event(), make_event(3), make_event(2, data={"number": "INC0000002"}))
    assert sla.ask(handlers.report)["gaps"] == 2
    sla.take(make_event(2))
    assert sla.ask(handlers.report)["gaps"] == 1


@pytest.mark.parametrize(
    "args",
    [{"state": "late"}, {"limit": 0}, {"limit": 201}, {"cursor": "x"}, {"since": "2026-01-01T00:00"}, {"kind": "x"}],
)
def test_questions_refuse_what_they_do_not_know(args: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        schemas.FindArgs().load(args)


def test_a_cursor_that_was_given_is_taken() -> None:
    sla = make_desk(3)
    cursor = sla.ask(handlers.find, {"limit": 2})["next"]
    assert schemas.FindArgs().load({"cursor": cursor})["cursor"] == cursor
