"""`deskwire sla report` and the figures behind it, over the service in memory."""

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
from deskwire.sla import tables
from deskwire.sla.walk import pages
from services.sla.domain.case import fold
from services.sla.domain.figures import UNKNOWN, Sums, age, count
from services.sla.domain.policy import Kind
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
)
from tests.unit.sla.lives import life
from tests.unit.sla.pasts import make_pasts

ACCEPTED = {"state": "in_progress", "accepted_at": "2026-03-02T09:05:00.000Z"}
VENDOR = {**ACCEPTED, "state": "waiting", "waiting_reason": "vendor", "level": 3}


def report(sla: SlaInMemory, by: str = "priority", **args: Any) -> dict[str, Any]:
    found = tables.empty(by)
    for page in pages(CallsInMemory(sla), "figures", None, None, by=by, **args):
        tables.add(found, page)
    return tables.document(found)


def row(found: dict[str, Any], value: str, clock: str = "resolution") -> dict[str, Any]:
    return next(one for one in found["rows"] if (one["value"], one["clock"]) == (value, clock))


def test_attainment_is_met_over_decided() -> None:
    sla = SlaInMemory()
    for number, after in enumerate((1, 2, 9, None)):
        who = {"number": f"INC{number:07d}"}
        sla.take(make_event(1, data=who))
        if after is not None:
            sla.take(make_event(2, MONDAY + after * HOUR, data={**who, **ACCEPTED, "state": "resolved"}))
    sla.clock.advance(HOUR)
    found = row(report(sla), "P3")
    assert (found["met"], found["breached"], found["running"], found["attainment"]) == (2, 1, 1, 2 / 3)


def test_mean_times_are_open_time_and_time_on_the_wall() -> None:
    office = make_calendar("08:00-16:00", days=5, name="office")
    sla = SlaInMemory(make_agreements({"P3": make_policy(calendar="office", resolution=90 * HOUR)}, {"office": office}))
    sla.take(make_event(), make_event(2, MONDAY + 24 * HOUR, data={**ACCEPTED, "state": "resolved"}))
    sla.clock.advance(timedelta(days=2))
    found = row(report(sla), "P3")
    assert (found["mean_business_seconds"], found["mean_wall_seconds"]) == (8 * 3600, 24 * 3600)


def test_a_clock_that_stopped_late_counts_in_the_means_with_all_its_time() -> None:
    sla = SlaInMemory()
    sla.take(make_event(), make_event(2, MONDAY + 9 * HOUR, data={**ACCEPTED, "state": "resolved"}))
    sla.clock.advance(timedelta(days=2))
    assert row(report(sla), "P3")["mean_business_seconds"] == 9 * 3600


def test_a_breach_is_told_by_what_was_waited_for_and_where_the_time_went() -> None:
    sla = SlaInMemory()
    sla.take(
        make_event(),
        make_event(2, MONDAY + HOUR, data={**ACCEPTED, "level": 2}),
        make_event(3, MONDAY + 3 * HOUR, data=VENDOR),
        make_event(4, MONDAY + 9 * HOUR, data={**ACCEPTED, "level": 1, "state": "resolved"}),
    )
    sla.clock.advance(timedelta(days=2))
    found = report(sla)
    assert found["causes"]["resolution"] == {"waiting for vendor": 1}
    assert found["levels"]["resolution"] == {
        "1": {"seconds": 3600},
        "2": {"seconds": 7200},
        "3": {"breaches": 1, "seconds": 3600},
    }


def test_a_pause_takes_no_part_in_where_the_time_went() -> None:
    sla = SlaInMemory()
    waiting = {**ACCEPTED, "state": "waiting", "waiting_reason": "user", "level": 2}
    sla.take(make_event(), make_event(2, MONDAY + HOUR, data=waiting), make_event(3, MONDAY + 9 * HOUR, data=ACCEPTED))
    sla.clock.advance(timedelta(days=2))
    assert sum(one["seconds"] for one in report(sla)["levels"]["resolution"].values()) == 4 * 3600


@pytest.mark.parametrize(("state", "cause"), [("new", "not assigned"), ("assigned", "not accepted")])
def test_what_had_not_been_done_yet_is_named(state: str, cause: str) -> None:
    sla = SlaInMemory()
    sla.take(make_event(), make_event(2, MONDAY + MINUTE, data={"state": state}))
    sla.clock.advance(timedelta(days=2))
    assert report(sla)["causes"]["response"] == {cause: 1}


def test_a_breach_whose_history_is_gone_says_so() -> None:
    sla = SlaInMemory()
    sla.take(make_event())
    sla.clock.advance(timedelta(days=2))
    sla.rows("history").clear()
    assert report(sla)["causes"]["resolution"] == {UNKNOWN: 1}


def test_the_backlog_is_told_by_age() -> None:
    sla = SlaInMemory()
    for number, opened in enumerate((0, 39, 39)):
        sla.take(make_event(1, MONDAY + timedelta(days=opened), data={"number": f"INC{number:07d}"}))
    sla.clock.advance(timedelta(days=40))
    assert report(sla)["backlog"] == {"P3": {"over 30 days": 1, "1 to 3 days": 2}}


@pytest.mark.parametrize(
    ("days", "name"), [(0, "under 1 day"), (1, "1 to 3 days"), (7, "7 to 30 days"), (30, "over 30 days")]
)
def test_an_age_belongs_to_the_group_that_it_begins(days: int, name: str) -> None:
    assert age(timedelta(days=days)) == name


@pytest.mark.parametrize(
    ("by", "value"), [("team", "desk"), ("service", "payroll"), ("organisation", "acme"), ("level", "1")]
)
def test_clocks_are_counted_by_each_dimension(by: str, value: str) -> None:
    sla = SlaInMemory()
    sla.take(make_event())
    assert row(report(sla, by), value)["running"] == 1


@pytest.mark.parametrize("limit", [1, 2, 3, 200])
def test_pages_add_up_to_the_same_report(limit: int) -> None:
    sla = SlaInMemory()
    for number in range(4):
        sla.take(*life(f"INC{number:07d}"))
    sla.clock.advance(timedelta(days=40))
    assert report(sla, limit=limit) == report(sla)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), days=st.integers(0, 150))
def test_every_clock_is_counted_once_and_no_breach_took_more_open_time_than_was_left_to_it(
    seed: int, days: int
) -> None:
    agreements, now = make_agreements(), MONDAY + timedelta(days=days)
    sums = Sums()
    for past in make_pasts(3, seed):
        case, _ = fold(past[0].incident, past, agreements)
        for run in case.runs:
            assert run is not None
            count(sums, "priority", run, past[-1], past, agreements, max(now, past[-1].at))
    states = ("met", "breached", "running", "cancelled")
    assert sum(number for path, number in sums.items() if path[0] == "values" and path[3] in states) == 6
    for kind in Kind:
        breaches = sum(number for path, number in sums.items() if path[:2] == ("causes", kind.value))
        at_levels = sum(number for path, number in sums.items() if path[1] == kind.value and path[3:] == ("breaches",))
        assert breaches == at_levels


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> SlaInMemory:
    """A desk with a breach, a running record and a team whose name a spreadsheet would run."""
    sla = SlaInMemory()
    sla.take(*life(), make_event(data={"number": "INC0000002", "team": "=HYPERLINK()"}))
    sla.clock.advance(timedelta(hours=2))
    connect(monkeypatch, sla)
    return sla


def run(*words: str) -> str:
    result = CliRunner().invoke(cli, ["sla", "report", *words], standalone_mode=False)
    assert result.exception is None, result.exception
    return result.output


def test_a_person_sees_attainment_causes_and_the_backlog(connected: SlaInMemory) -> None:
    shown = run()
    for words in ("resolution breaches: at that moment", "in work", "backlog by age", "under 1 day", "attained"):
        assert words in shown


def test_csv_holds_one_line_for_each_value_and_clock_and_no_formula(connected: SlaInMemory) -> None:
    lines = list(csv.DictReader(io.StringIO(run("--by", "team", "--csv"))))
    assert sorted({line["team"] for line in lines}) == ["'=HYPERLINK()", "desk"]
    assert len(lines) == 4


def test_json_holds_the_sums_and_the_rows(connected: SlaInMemory) -> None:
    answer = json.loads(run("--json"))
    assert answer["clocks"] == 4
    assert {"rows", "values", "backlog", "causes", "levels"} <= answer.keys()


def test_a_period_without_clocks_says_so(connected: SlaInMemory) -> None:
    assert run("--to", "2026-01-01") == "No clocks started in this period.\n"
