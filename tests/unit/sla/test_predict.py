"""Which clocks run out before the next working hour ends, and which of them by how long records take."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from math import ceil
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

from deskwire.cli import cli
from deskwire.sla import outlook
from deskwire.sla.walk import pages
from services.sla.domain.prediction import (
    FEWEST,
    HALF,
    By,
    Length,
    Outlook,
    Past,
    Running,
    ends_by,
    grouped,
    judge,
    part_beyond,
    predict,
)
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
from tests.unit.sla.test_explain import explain

ACCEPTED = {"state": "in_progress", "accepted_at": "2026-03-02T09:05:00.000Z"}


def make_length(seconds: float, *, finished: bool = True, **overrides: Any) -> Length:
    fields = {"priority": "P3", "team": "desk", "service": "mail", "seconds": seconds, "finished": finished}
    return Length(**{**fields, **overrides})


def make_running(elapsed: float, target: float, **overrides: Any) -> Running:
    fields = {"priority": "P3", "team": "desk", "service": "mail", "elapsed": elapsed, "target": target}
    return Running(**{**fields, **overrides})


def make_past(*lengths: Length) -> Past:
    past = Past()
    for one in lengths:
        past.add(one)
    return past


def test_most_of_those_that_lasted_so_long_take_longer_so_a_breach_is_likely() -> None:
    past = make_past(*(make_length(hours) for hours in range(1, 31)))
    said = predict(past, make_running(10, 12))
    assert (said.outlook, said.by, said.n, said.longer) == (Outlook.LIKELY, By.TEAM, 30, 20)
    assert said.late == pytest.approx(18 / 20)
    assert (said.median, said.three_quarters) == (20, 25)


def test_a_record_that_most_outlast_by_little_ends_in_time() -> None:
    past = make_past(*(make_length(hours) for hours in range(1, 31)))
    assert predict(past, make_running(10, 25)).outlook is Outlook.UNLIKELY


def test_nothing_is_said_by_too_few_records() -> None:
    past = make_past(*(make_length(10) for _ in range(FEWEST - 1)))
    said = predict(past, make_running(1, 5))
    assert (said.outlook, said.n, said.late) == (Outlook.UNKNOWN, FEWEST - 1, None)


def test_nothing_is_said_of_a_record_that_has_lasted_longer_than_nearly_all() -> None:
    past = make_past(*(make_length(hours) for hours in range(1, 31)))
    said = predict(past, make_running(27, 28))
    assert (said.outlook, said.longer, said.late) == (Outlook.UNKNOWN, 3, None)


def test_where_the_team_has_too_few_the_service_speaks() -> None:
    past = make_past(*(make_length(10, team=f"team {number}") for number in range(FEWEST)))
    assert predict(past, make_running(1, 5, team="team 1")).by is By.SERVICE
    assert predict(past, make_running(1, 5, team="team 1", service="payroll")).by is None


def test_another_priority_says_nothing() -> None:
    past = make_past(*(make_length(10, priority="P1") for _ in range(50)))
    assert predict(past, make_running(1, 5)).n == 0


def test_records_that_are_still_open_make_long_ones_likelier() -> None:
    ended = [make_length(hours) for hours in range(1, 31)]
    still = [make_length(40, finished=False) for _ in range(30)]
    assert judge(By.TEAM, grouped(ended), 10, 22).outlook is Outlook.UNLIKELY
    assert judge(By.TEAM, grouped([*ended, *still]), 10, 22).outlook is Outlook.LIKELY


def test_nothing_is_said_of_a_target_that_none_has_reached_yet() -> None:
    ended = [make_length(hours) for hours in range(1, 31)]
    still = [make_length(40, finished=False) for _ in range(90)]
    assert judge(By.TEAM, grouped([*ended, *still]), 1, 100).outlook is Outlook.UNKNOWN


seconds = st.integers(0, 50)


@given(st.lists(seconds, min_size=1, max_size=60), seconds, seconds)
def test_of_finished_records_the_part_is_the_plain_share(took: list[int], gone: int, more: int) -> None:
    such = grouped(make_length(one) for one in took)
    longer = [one for one in took if one > gone]
    if longer:
        share = sum(one > gone + more for one in longer) / len(longer)
        assert part_beyond(such, gone, gone + more) == pytest.approx(share)
        assert ends_by(such, gone, HALF) == sorted(longer)[ceil(len(longer) / 2) - 1]


@given(st.lists(st.tuples(seconds, st.booleans()), min_size=1, max_size=60), seconds)
def test_the_part_that_is_left_only_shrinks_and_is_one_at_the_length_reached(
    took: list[tuple[int, bool]], gone: int
) -> None:
    such = grouped(make_length(one, finished=ended) for one, ended in took)
    parts = [part_beyond(such, gone, length) for length in range(gone, 52)]
    assert parts == sorted(parts, reverse=True)
    assert all(-1e-9 <= part <= 1 for part in parts)
    assert part_beyond(such, gone, gone) == 1


@given(st.lists(st.tuples(seconds, st.booleans()), max_size=60), seconds, st.integers(1, 50), st.integers(1, 30))
def test_more_open_records_that_have_lasted_beyond_the_target_never_make_it_look_better(
    took: list[tuple[int, bool]], gone: int, more: int, others: int
) -> None:
    such = [make_length(one, finished=ended) for one, ended in took]
    still = [make_length(gone + more + 1, finished=False) for _ in range(others)]
    before = part_beyond(grouped(such), gone, gone + more)
    assert part_beyond(grouped([*such, *still]), gone, gone + more) >= before - 1e-9


@example(took=[(0, True), (1, True), (2, False), (2, True), (2, True), (3, True), (3, True)], gone=0, more=2)
@given(st.lists(st.tuples(seconds, st.booleans()), max_size=80), seconds, st.integers(1, 50))
def test_a_breach_is_likely_only_if_the_median_lies_past_the_target(
    took: list[tuple[int, bool]], gone: int, more: int
) -> None:
    said = judge(By.TEAM, grouped(make_length(one, finished=ended) for one, ended in took), gone, gone + more)
    if said.outlook is Outlook.LIKELY:
        assert said.median is None or said.median > gone + more
    if said.outlook is Outlook.UNLIKELY:
        assert said.median is not None
        assert said.median <= gone + more


def ahead(sla: SlaInMemory, **args: Any) -> list[str]:
    found = [one for page in pages(CallsInMemory(sla), "predict", None, None, **args) for one in page["clocks"]]
    return [one["number"] for one in found]


def test_a_clock_that_is_due_within_the_next_open_hour_is_told_and_no_other() -> None:
    sla = SlaInMemory()
    sla.take(make_event(), make_event(data={"number": "INC0000002", "priority": "P1"}))
    sla.tick(MONDAY + 10 * MINUTE)
    assert ahead(sla) == ["INC0000002:response", "INC0000002:resolution", "INC0000001:response"]
    assert "INC0000001:resolution" in ahead(sla, within_seconds=4 * 3600)


def test_a_clock_that_stands_has_stopped_or_is_breached_is_not_told() -> None:
    sla = SlaInMemory()
    sla.take(
        make_event(), make_event(2, MONDAY + MINUTE, data={**ACCEPTED, "state": "waiting", "waiting_reason": "user"})
    )
    assert ahead(sla, within_seconds=86_400) == []
    sla.take(make_event(data={"number": "INC0000002"}))
    sla.tick(MONDAY + 90 * MINUTE)
    assert ahead(sla, within_seconds=60) == []


def test_an_hour_ahead_is_an_open_hour_also_over_a_weekend() -> None:
    office = make_calendar("08:00-16:00", days=5, name="office")
    sla = SlaInMemory(make_agreements({"P3": make_policy(calendar="office", response=2 * HOUR)}, {"office": office}))
    friday = MONDAY + timedelta(days=4, hours=5, minutes=30)
    sla.clock.advance(friday - MONDAY)
    sla.take(make_event(at=friday))
    sla.clock.advance(timedelta(hours=5))
    assert ahead(sla, within_seconds=1800) == ["INC0000001:response"]
    assert ahead(sla, within_seconds=1799) == []


def test_restricted_clocks_are_counted_and_not_told() -> None:
    sla = SlaInMemory()
    sla.take(make_restricted())
    (first, second) = pages(CallsInMemory(sla), "predict", None, None)
    assert (first["clocks"], second["clocks"], second["restricted"]) == ([], [], 1)


@pytest.mark.parametrize("limit", [1, 2, 3, 500])
def test_pages_tell_each_clock_once_also_when_many_are_due_at_one_instant(limit: int) -> None:
    sla = SlaInMemory()
    for number in range(7):
        at = MONDAY if number < 4 else MONDAY + number * MINUTE
        sla.take(make_event(at=at, data={"number": f"INC{number:07d}"}))
    found = ahead(sla, limit=limit, within_seconds=2 * 3600)
    assert sorted(found) == sorted(f"INC{number:07d}:response" for number in range(7))


def test_pages_go_on_over_long_stretches_in_which_nothing_is_due() -> None:
    policies = {
        "P2": make_policy(response=HOUR, resolution=20 * 24 * HOUR, thresholds=()),
        "P3": make_policy(response=20 * MINUTE, resolution=9 * 24 * HOUR, thresholds=()),
    }
    sla = SlaInMemory(make_agreements(policies))
    for number, priority in enumerate(("P2", "P3", "P1")):
        sla.take(make_event(data={"number": f"INC{number:07d}", "priority": priority}))
    assert len(set(ahead(sla, limit=1, within_seconds=31 * 24 * 3600))) == 6


def test_a_record_that_comes_after_a_question_counts_in_the_next() -> None:
    past = make_past(*(make_length(hours) for hours in range(1, 31)))
    assert predict(past, make_running(10, 22)).n == 30
    past.add(make_length(31))
    assert predict(past, make_running(10, 22)).n == 31


def test_the_pages_of_the_past_tell_how_long_records_took_and_how_long_open_ones_have_lasted() -> None:
    sla = SlaInMemory()
    for number, state in enumerate(("resolved", "in_progress", "cancelled"), start=1):
        who = {"number": f"INC{number:07d}"}
        sla.take(make_event(data=who), make_event(2, MONDAY + HOUR, data={**who, **ACCEPTED, "state": state}))
    sla.clock.advance(3 * HOUR)
    found = [one for page in pages(CallsInMemory(sla), "lengths", None, None, limit=2) for one in page["lengths"]]
    assert sorted(found) == [["P3", "desk", "payroll", 3600.0, True], ["P3", "desk", "payroll", 10800.0, False]]


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> SlaInMemory:
    """Thirty records that took 1 to 6 hours, and one that has gone for three and a half of its four."""
    sla = SlaInMemory()
    for number in range(30):
        who = {"number": f"INC{number:07d}"}
        began = MONDAY - 20 * HOUR
        sla.take(make_event(at=began, data=who))
        sla.take(make_event(2, began + (1 + number % 6) * HOUR, data={**who, **ACCEPTED, "state": "resolved"}))
    sla.take(make_event(data={"number": "INC0000099"}))
    sla.tick(MONDAY + 210 * MINUTE)
    connect(monkeypatch, sla)
    moment: datetime = sla.clock.now()
    monkeypatch.setattr("deskwire.commands.sla.SystemClock", lambda: FixedNow(moment))
    return sla


class FixedNow:
    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        return self._at


def run(*words: str) -> str:
    result = CliRunner().invoke(cli, ["sla", "predict", *words], standalone_mode=False)
    assert result.exception is None, result.exception
    return result.output


def test_a_person_reads_the_outlook_with_its_numbers(connected: SlaInMemory) -> None:
    shown = run("--within", "1h", "--zone", "UTC")
    assert "INC0000099" in shown
    assert "likely" in shown
    assert "67% of those that lasted so long take longer (30 such records by team, 15 lasted so long" in shown


def test_a_program_reads_the_same_as_json(connected: SlaInMemory) -> None:
    (clock,) = json.loads(run("--json"))["clocks"]
    assert (clock["clock"], clock["prediction"]["outlook"], clock["prediction"]["n"]) == ("resolution", "likely", 30)


def test_nothing_ahead_says_so(connected: SlaInMemory) -> None:
    assert run("--within", "1m") == "No clock runs out in this time.\n"


def test_too_few_records_are_said_to_be_too_few() -> None:
    said = {"outlook": "unknown", "by": None, "n": 3, "longer": 0, "late": None, "median": None}
    assert outlook.because(said) == "only 3 such records, 20 are needed"


def test_a_clock_that_was_breached_under_an_earlier_target_is_not_ahead_of_anything() -> None:
    sla = SlaInMemory(make_agreements({"P3": make_policy(resolution=2 * HOUR, thresholds=(50,))}))
    sla.restart(sla.agreements)
    sla.take(make_event(), make_event(2, MONDAY + MINUTE, data=ACCEPTED))
    sla.tick(MONDAY + 3 * HOUR)
    sla.restart(make_agreements({"P3": make_policy(resolution=5 * HOUR, thresholds=(50, 200))}))
    assert ahead(sla, within_seconds=10 * 3600) == []
    sla.reckon()
    sla.tick(MONDAY + 3 * HOUR + MINUTE)
    assert ahead(sla, within_seconds=10 * 3600) == []
    (resolution,) = [one for one in explain(sla)["clocks"] if one["clock"] == "resolution"]
    assert (resolution["state"], resolution["due_at"]) == ("breached", "2026-03-02T14:00:00.000Z")
