"""Downtime of services, by the incidents that are marked as outages."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from deskwire.cli import cli
from deskwire.sla import outages
from deskwire.sla.walk import pages
from services.sla.domain.downtime import Outage, downtime, united
from tests.unit.sla.calls import CallsInMemory, connect
from tests.unit.sla.factories import (
    HOUR,
    MINUTE,
    MONDAY,
    SlaInMemory,
    make_agreements,
    make_calendar,
    make_event,
    make_policy,
    make_restricted,
)

ACCEPTED = {"state": "in_progress", "accepted_at": "2026-03-02T09:05:00.000Z"}


def down(sla: SlaInMemory, number: int, begins: float, ends: float | None, **data: Any) -> None:
    """An incident that is marked from the start on and solved after `ends` hours; None is not yet."""
    who = {"number": f"INC{number:07d}", "outage": True, **data}
    sla.take(make_event(1, MONDAY + begins * HOUR, data=who))
    if ends is not None:
        sla.take(make_event(2, MONDAY + ends * HOUR, data={**who, **ACCEPTED, "state": "resolved"}))


def found(
    sla: SlaInMemory, since: float | None = None, until: float | None = None, **args: Any
) -> list[dict[str, Any]]:
    bounds = [None if one is None else MONDAY + one * HOUR for one in (since, until)]
    total = outages.Found(since=bounds[0], until=bounds[1])
    for page in pages(CallsInMemory(sla), "downtime", *bounds, **args):
        total.add(page)
    return outages.rows(total)


def test_outages_of_a_service_that_overlap_count_once() -> None:
    sla = SlaInMemory()
    down(sla, 1, 0, 2)
    down(sla, 2, 1, 3)
    down(sla, 3, 5, 6)
    down(sla, 4, 0, 1, service="mail")
    sla.clock.advance(20 * HOUR)
    mail, payroll = found(sla, 0, 10)
    assert (payroll["outages"], payroll["wall_seconds"], payroll["availability"]) == (3, 4 * 3600, 0.6)
    assert (mail["service"], mail["wall_seconds"], mail["availability"]) == ("mail", 3600, 0.9)


def test_only_the_part_within_the_period_counts_and_also_of_what_began_before_it() -> None:
    sla = SlaInMemory()
    down(sla, 1, 0, 5)
    down(sla, 2, 20, 30)
    down(sla, 3, 40, 41)
    down(sla, 4, 0, 1)
    sla.clock.advance(100 * HOUR)
    (row,) = found(sla, 3, 23)
    assert (row["outages"], row["wall_seconds"]) == (2, 5 * 3600)


def test_an_outage_that_goes_on_counts_until_now_and_the_period_ends_there() -> None:
    sla = SlaInMemory()
    down(sla, 1, 0, None)
    sla.clock.advance(2 * HOUR)
    (row,) = found(sla, -2, 100)
    assert (row["wall_seconds"], row["availability"]) == (2 * 3600, 0.5)


def test_business_time_is_what_lies_in_the_hours_of_the_agreement() -> None:
    office = make_calendar("08:00-16:00", days=5, name="office")
    sla = SlaInMemory(make_agreements({"P3": make_policy(calendar="office")}, {"office": office}))
    down(sla, 1, 0, 24)
    sla.clock.advance(48 * HOUR)
    (row,) = found(sla, 0, 48)
    assert (row["wall_seconds"], row["business_seconds"]) == (24 * 3600, 8 * 3600)


def test_the_mark_holds_for_the_whole_incident_whenever_it_was_set() -> None:
    sla = SlaInMemory()
    sla.take(make_event(), make_event(2, MONDAY + HOUR, data={"outage": True}))
    sla.take(make_event(3, MONDAY + 2 * HOUR, data={**ACCEPTED, "outage": True, "state": "resolved"}))
    sla.clock.advance(5 * HOUR)
    assert found(sla)[0]["wall_seconds"] == 2 * 3600


def test_an_incident_that_is_unmarked_or_cancelled_was_no_outage() -> None:
    sla = SlaInMemory()
    sla.take(make_event(data={"outage": True}))
    sla.take(make_event(2, MONDAY + HOUR, data={"outage": False}))
    other = {"number": "INC0000002", "outage": True}
    sla.take(make_event(data=other), make_event(2, MONDAY + HOUR, data={**other, "state": "cancelled"}))
    sla.clock.advance(5 * HOUR)
    assert found(sla) == []


def test_a_mark_that_comes_and_goes_in_one_batch_leaves_nothing() -> None:
    sla = SlaInMemory()
    sla.take(make_event(data={"outage": True}), make_event(2, MONDAY + HOUR))
    assert sla.rows("outages") == {}


def test_time_between_a_solution_and_its_reopening_is_no_downtime() -> None:
    sla = SlaInMemory()
    down(sla, 1, 0, 1)
    sla.take(make_event(3, MONDAY + 3 * HOUR, data={**ACCEPTED, "outage": True}))
    sla.clock.advance(4 * HOUR)
    assert found(sla)[0]["wall_seconds"] == 2 * 3600


def test_restricted_outages_are_counted_apart() -> None:
    sla = SlaInMemory()
    down(sla, 1, 0, None)
    sla.take(make_restricted(2, MONDAY + HOUR))
    sla.clock.advance(5 * HOUR)
    (page,) = pages(CallsInMemory(sla), "downtime", None, None)
    assert (page["outages"], page["restricted"]) == ([], 1)


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_add_up(limit: int) -> None:
    sla = SlaInMemory()
    for number in range(5):
        down(sla, number, number, number + 2)
    sla.clock.advance(20 * HOUR)
    assert found(sla, limit=limit) == found(sla)


minutes = st.tuples(st.integers(0, 300), st.integers(0, 300)).map(sorted)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(minutes, max_size=4), max_size=5))
def test_downtime_is_the_number_of_minutes_in_which_anything_was_out(spells: list[list[list[int]]]) -> None:
    pieces = [united((MONDAY + a * MINUTE, MONDAY + b * MINUTE) for a, b in one) for one in spells]
    whole = downtime([Outage(pieces=one, open=()) for one in pieces], MONDAY, MONDAY + 300 * MINUTE)
    out = {minute for one in spells for a, b in one for minute in range(a, b)}
    assert (whole.wall, whole.business) == (len(out) * MINUTE, timedelta(0))
    assert whole.availability == pytest.approx(1 - len(out) / 300)


@settings(max_examples=100, deadline=None)
@given(st.lists(minutes, max_size=8))
def test_united_pieces_are_in_order_apart_and_none_is_empty(spells: list[list[int]]) -> None:
    pieces = united((MONDAY + a * MINUTE, MONDAY + b * MINUTE) for a, b in spells)
    edges = [edge for piece in pieces for edge in piece]
    assert edges == sorted(set(edges))


def run(*words: str) -> str:
    result = CliRunner().invoke(cli, ["sla", "report", *words], standalone_mode=False)
    assert result.exception is None, result.exception
    return result.output


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> SlaInMemory:
    sla = SlaInMemory()
    down(sla, 1, 0, 1)
    sla.clock.advance(10 * HOUR)
    connect(monkeypatch, sla)
    return sla


def test_a_person_sees_downtime_and_availability(connected: SlaInMemory) -> None:
    shown = run("--from", "2026-03-02T09:00Z", "--to", "2026-03-02T19:00Z")
    assert "downtime" in shown
    assert "90.000 %" in shown


def test_the_same_as_csv_and_as_json(connected: SlaInMemory) -> None:
    (line,) = csv.DictReader(io.StringIO(run("--csv", "downtime")))
    assert (line["service"], line["wall_seconds"], line["availability"]) == ("payroll", "3600", "")
    assert json.loads(run("--json"))["downtime"]["rows"][0]["outages"] == 1
