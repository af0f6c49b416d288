"""`deskwire sla backtest`: a draft tried on the past, over the history in memory."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from deskwire.cli import cli
from deskwire.sla.backtest import Trial, chunks, histories, read_entries, run_here
from services.sla.domain.backtest import Comparison
from shared.errors import Invalid
from tests.unit.sla.factories import HOUR, MONDAY, SlaInMemory, make_agreements, make_calendar, make_event, make_policy
from tests.unit.sla.lives import life

DRAFT = """
calendars:
  always:
    zone: UTC
    week: {{monday: ["00:00-24:00"], tuesday: ["00:00-24:00"], wednesday: ["00:00-24:00"], thursday: ["00:00-24:00"],
      friday: ["00:00-24:00"], saturday: ["00:00-24:00"], sunday: ["00:00-24:00"]}}
policies:
  P1: &one {{name: draft, calendar: always, response: 1h, resolution: {resolution}, pauses: [{pauses}]}}
  P2: *one
  P3: *one
  P4: *one
"""
NOW = MONDAY + timedelta(days=40)


def make_desk(records: int = 4) -> SlaInMemory:
    """Each record is resolved an hour later than the one before it, from two hours on; two teams, two organisations."""
    sla = SlaInMemory()
    for number in range(records):
        who = {"number": f"INC{number:07d}", "team": f"team{number % 2}", "organisation": "acme" if number else None}
        done = {**who, "state": "resolved", "accepted_at": "2026-03-02T09:05:00.000Z"}
        sla.take(make_event(1, data=who), make_event(2, MONDAY + (2 + number) * HOUR, data=done))
    sla.clock.advance(NOW - MONDAY)
    return sla


def compare(sla: SlaInMemory, **policy: Any) -> Comparison:
    after = make_agreements({f"P{number}": make_policy(**policy) for number in range(1, 5)})
    told = list[int]()
    found = run_here(Trial(sla.agreements, after, NOW), sla.store, chunks(sla.store, None, None), told.append)
    assert sum(told) == found.records + found.unproven
    return found


def test_a_draft_that_says_the_same_changes_nothing() -> None:
    found = compare(make_desk())
    assert (found.records, found.changes) == (4, [])


def test_a_longer_target_is_named_as_the_reason() -> None:
    (change,) = compare(make_desk(), resolution=10 * HOUR).changes
    assert (change.incident, change.clock, change.before, change.after) == (
        "INC0000003",
        "resolution",
        "breached",
        "met",
    )
    assert [(one.field, one.before, one.after) for one in change.reasons] == [("target_seconds", 14400.0, 36000.0)]


def test_a_calendar_and_a_pause_are_named_as_reasons() -> None:
    sla = make_desk(1)
    waits = {"number": "INC0000009", "state": "waiting", "waiting_reason": "vendor"}
    sla.take(make_event(1, data={"number": "INC0000009"}), make_event(2, MONDAY + HOUR, data=waits))
    sla.take(make_event(3, MONDAY + 9 * HOUR, data={"number": "INC0000009", "state": "resolved"}))
    draft = {"always": make_calendar("00:00-24:00", days=5)}
    after = make_agreements({"P3": make_policy(pauses=frozenset({"user", "vendor"}))}, draft)
    trial = Trial(sla.agreements, after, NOW)
    changes = run_here(trial, sla.store, chunks(sla.store, None, None), lambda _: None).changes
    assert [one.field for one in changes[-2].reasons] == ["calendar", "pauses", "counted_seconds"]


def test_records_are_counted_by_each_dimension_on_both_sides() -> None:
    found = compare(make_desk(), resolution=10 * HOUR)
    resolution = {key[:2] + key[3:]: number for key, number in found.numbers.items() if key[2] == "resolution"}
    assert resolution["team", "team1", "before", "breached"] == 1
    assert resolution["team", "team1", "after", "met"] == 2
    assert resolution["organisation", "(none)", "before", "met"] == 1
    assert resolution["priority", "P3", "after", "met"] == 4


def test_each_record_is_taken_once_however_its_clocks_fall_on_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    for page in (1, 2, 3):
        monkeypatch.setattr("deskwire.sla.backtest.PAGE", page)
        monkeypatch.setattr("deskwire.sla.backtest.CHUNK", 2)
        taken = [incident for part in chunks(make_desk(5).store, None, None) for incident in part]
        assert sorted(taken) == [f"INC{number:07d}" for number in range(5)]


def test_parts_add_up_to_the_whole() -> None:
    sla = make_desk(5)
    whole = compare(sla, resolution=10 * HOUR)
    trial = Trial(sla.agreements, make_agreements(dict.fromkeys(("P3",), make_policy(resolution=10 * HOUR))), NOW)
    total = Comparison()
    for part in chunks(sla.store, None, None):
        for one in part:
            total.add(trial.run(histories(sla.store, [one])))
    assert (total.numbers, total.changes, total.records) == (whole.numbers, whole.changes, whole.records)


def test_a_history_is_read_in_order_and_up_to_the_first_gap() -> None:
    sla = SlaInMemory()
    sla.take(*life()[:6])
    rows = list(sla.rows("history").values())
    assert [entry.version for entry in read_entries(reversed(rows))] == [1, 2, 3, 4, 5, 6]
    assert [entry.version for entry in read_entries([rows[0], rows[1], rows[3]])] == [1, 2]
    assert read_entries(rows[1:]) == []


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A desk of ten records behind the command, whose draft settings lie in the returned folder."""
    sla = make_desk(10)
    monkeypatch.setattr("deskwire.commands.sla.store_of", lambda _: sla.store)
    (tmp_path / "now.yaml").write_text(DRAFT.format(resolution="4h", pauses="user"))
    (tmp_path / "draft.yaml").write_text(DRAFT.format(resolution="6h", pauses="user"))
    return tmp_path


def run(folder: Path, *words: str) -> Any:
    files = [str(folder / "draft.yaml"), "--against", str(folder / "now.yaml"), "--workers", "1"]
    return CliRunner().invoke(cli, ["sla", "backtest", *files, *words], standalone_mode=False)


def test_the_command_shows_attainment_before_and_after_and_why_verdicts_change(connected: Path) -> None:
    shown = run(connected, "--first", "1").output
    assert "10 records, 2 verdicts change." in shown
    assert "30.0 %  50.0 %   +20.0" in shown
    assert "target 4h 00m 00s to 6h 00m 00s" in shown
    assert "1 more" in shown


def test_json_lists_every_change(connected: Path) -> None:
    answer = json.loads(run(connected, "--first", "1", "--json").output)
    assert [change["incident"] for change in answer["changes"]] == ["INC0000003", "INC0000004"]
    assert answer["attainment"]["priority"]["P3"]["resolution"]["before"]["attainment"] == 0.3


def test_only_records_of_the_period_are_tried(connected: Path) -> None:
    answer = json.loads(run(connected, "--to", "2026-03-01", "--json").output)
    assert answer["records"] == 0


def test_a_draft_with_faults_names_them_all(connected: Path) -> None:
    (connected / "draft.yaml").write_text(DRAFT.format(resolution="soon", pauses="weather"))
    fault = run(connected).exception
    assert isinstance(fault, Invalid)
    assert "P1.resolution" in fault.message
    assert "P1.pauses" in fault.message
