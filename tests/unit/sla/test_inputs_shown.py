"""What a clock was computed with, as the explanation, the signed page and `verify` show it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from deskwire.cli import Exit, cli
from services.sla.domain.calendar import fingerprint
from services.sla.domain.inputs import Inputs, what_changed
from services.sla.domain.kinds import Kind
from services.sla.settings import parse_agreements
from services.sla.storage import AGREED, CLOCKS
from shared.config import SETTINGS_FOLDER
from tests.unit.sla.calls import connect
from tests.unit.sla.factories import HOUR, MONDAY, SlaInMemory, make_agreements, make_event, make_policy
from tests.unit.sla.test_reckoning import DAY, TUESDAY, make_desk, make_office
from tests.unit.sla.test_verify import verify

NUMBER = "INC0000001"
BEFORE = Inputs(policies="1 aaaa", calendar="office aaaa", zones="2025b")


def run(monkeypatch: pytest.MonkeyPatch, sla: SlaInMemory, *words: str) -> Any:
    connect(monkeypatch, sla)
    return CliRunner().invoke(cli, ["sla", *words], standalone_mode=False)


def explained(monkeypatch: pytest.MonkeyPatch, sla: SlaInMemory, *words: str) -> Any:
    answer = json.loads(run(monkeypatch, sla, "explain", NUMBER, "--json", *words).output)
    return next(clock for clock in answer["clocks"] if clock["clock"] == "resolution")


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (BEFORE, ""),
        (Inputs(policies="1 aaaa", calendar="office aaaa", zones="2026a"), "time zone database 2025b -> 2026a"),
        (Inputs(policies="1 aaaa", calendar="office bbbb", zones="2025b"), "calendar office changed"),
        (
            Inputs(policies="2 bbbb", calendar="always cccc", zones="2025b"),
            "policies 1 -> 2; calendar office -> always",
        ),
    ],
)
def test_a_change_of_inputs_is_told_in_words(after: Inputs, words: str) -> None:
    assert what_changed(BEFORE, after) == words


def test_an_explanation_names_what_it_was_computed_with(monkeypatch: pytest.MonkeyPatch) -> None:
    sla = make_desk()
    clock = explained(monkeypatch, sla)
    calendar = f"office {fingerprint(sla.agreements.calendars['office'])}"
    assert (clock["inputs"]["calendar"], clock["inputs"]["zones"], clock["told"]) == (calendar, "2026a", None)
    assert f"calendar {calendar}; time zone database 2026a" in run(monkeypatch, sla, "explain", NUMBER).output


def make_ended() -> SlaInMemory:
    """A record that was solved in time by the office hours of then; a holiday that came since would have made it
    earlier still."""
    sla = make_desk()
    sla.take(make_event(2, MONDAY + 2 * DAY + HOUR, data={"state": "resolved"}))
    sla.clock.advance(9 * DAY)
    sla.restart(make_office(TUESDAY))
    return sla


def test_a_clock_that_has_ended_is_explained_by_what_held_then(monkeypatch: pytest.MonkeyPatch) -> None:
    sla = make_ended()
    before = fingerprint(make_office().calendars["office"])
    clock = explained(monkeypatch, sla)
    assert (clock["state"], clock["due_at"], clock["stopped_at"]) == (
        "met",
        "2026-03-04T11:00:00.000Z",
        "2026-03-04T10:00:00.000Z",
    )
    assert (clock["inputs"]["calendar"], clock["in_force"], clock["told"]) == (f"office {before}", False, None)
    assert (
        f"office {before}, which held when it ended; time zone database 2026a"
        in run(monkeypatch, sla, "explain", NUMBER).output
    )


def test_a_clock_that_has_ended_is_explained_by_what_holds_today_when_asked_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DESKWIRE_SLA_SIGNING_KEY_FILE", str(tmp_path / "key.pem"))
    sla = make_ended()
    clock = explained(monkeypatch, sla, "--in-force")
    told = clock["told"]
    assert (clock["in_force"], clock["due_at"]) == (True, "2026-03-05T11:00:00.000Z")
    assert (told["state"], told["due_at"]) == ("met", "2026-03-04T11:00:00.000Z")
    file = tmp_path / "page.html"
    run(monkeypatch, sla, "explain", NUMBER, "--in-force", "--html", str(file))
    assert "Told last: met" in file.read_text()
    assert run(monkeypatch, sla, "check", str(file)).return_value == Exit.DONE


def test_what_is_not_kept_is_explained_by_what_holds_today(monkeypatch: pytest.MonkeyPatch) -> None:
    sla = make_ended()
    sla.rows(AGREED).clear()
    clock = explained(monkeypatch, sla)
    assert (clock["in_force"], clock["told"]["due_at"]) == (True, "2026-03-04T11:00:00.000Z")


def test_a_clock_whose_kind_the_agreements_have_no_more_is_explained_still(monkeypatch: pytest.MonkeyPatch) -> None:
    sla = SlaInMemory(make_agreements({"P3": make_policy(others={Kind.ASSIGNMENT: 9 * HOUR})}))
    sla.restart(sla.agreements)
    sla.take(make_event(data={"team": "payroll"}))
    sla.take(make_event(2, MONDAY + HOUR, data={"team": "network"}))
    sla.take(make_event(3, MONDAY + 2 * HOUR, data={"team": "network", "state": "resolved"}))
    sla.clock.advance(DAY)
    sla.restart(make_agreements())
    answer = json.loads(run(monkeypatch, sla, "explain", NUMBER, "--json").output)
    spells = [(one["party"], one["state"]) for one in answer["clocks"] if one["clock"] == "assignment"]
    assert sorted(spells) == [("network", "met"), ("payroll", "met")]
    assert (verify(sla)["differences"], verify(sla)["superseded"], verify(sla)["bygone"]) == ([], 2, 0)


def test_a_threshold_that_stands_by_what_held_then_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    sla = make_desk()
    sla.tick(MONDAY + 3 * DAY)
    sla.restart(make_office(*(TUESDAY + day * DAY for day in range(9))))
    sla.reckon()
    clock = explained(monkeypatch, sla)
    assert (clock["state"], [(one["name"], one["kept"]) for one in clock["thresholds"]]) == (
        "breached",
        [("50%", True), ("100%", True)],
    )
    assert "passed by what held then" in run(monkeypatch, sla, "explain", NUMBER).output


def verified(monkeypatch: pytest.MonkeyPatch, sla: SlaInMemory) -> tuple[Any, Any]:
    result = run(monkeypatch, sla, "verify", "--json")
    return json.loads(result.output), result.return_value


def test_verify_proves_a_clock_that_has_ended_by_what_held_then(monkeypatch: pytest.MonkeyPatch) -> None:
    answer, code = verified(monkeypatch, make_ended())
    assert (answer["proven"], answer["superseded"], answer["bygone"], answer["intact"], code) == (2, 2, 0, True, 0)


def test_verify_finds_what_was_changed_by_hand_in_a_clock_that_ended_by_what_held_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sla = make_ended()
    sla.rows(CLOCKS)[f"{NUMBER}:resolution"]["due_at"] += HOUR
    answer, code = verified(monkeypatch, sla)
    (found,) = answer["differences"]
    assert (found["field"], found["expected"], code) == ("due_at", "2026-03-04T11:00:00.000Z", 4)


def test_verify_ends_badly_when_all_it_saw_ended_by_what_is_not_known_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    sla = make_ended()
    sla.rows(AGREED).clear()
    answer, code = verified(monkeypatch, sla)
    assert (answer["proven"], answer["bygone"], answer["intact"], code) == (0, 2, True, 4)


def test_time_zones_of_then_are_not_to_be_had_so_a_clock_that_differs_by_them_is_no_difference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sla = make_ended()
    sla.restart(replace(make_office(TUESDAY), zones="2027a"))
    assert verified(monkeypatch, sla)[0]["superseded"] == 2
    sla.rows(CLOCKS)[f"{NUMBER}:resolution"]["due_at"] += HOUR
    answer, _ = verified(monkeypatch, sla)
    assert (answer["differences"], answer["superseded"], answer["bygone"]) == ([], 1, 1)


def test_the_fingerprint_is_of_what_a_file_says_and_not_of_how(tmp_path: Path) -> None:
    text = (SETTINGS_FOLDER / "sla.yaml").read_text(encoding="utf-8")
    one, same = (parse_agreements(content, name="sla") for content in (text, f"# a comment\n{text}"))
    other = parse_agreements(text.replace("resolution: 27h", "resolution: 26h"), name="sla")
    assert (one.edition == same.edition, one.edition == other.edition) == (True, False)
    assert len({parse_agreements(text, name="sla").edition for _ in range(3)}) == 1


def test_a_clock_is_outdated_until_the_tick_has_looked(monkeypatch: pytest.MonkeyPatch) -> None:
    sla = make_desk()
    sla.clock.advance(timedelta(hours=1))
    sla.restart(make_office(TUESDAY))
    assert "2 are yet to be computed" in run(monkeypatch, sla, "verify").output
    sla.reckon()
    assert run(monkeypatch, sla, "verify").output == "2 clocks recomputed, no difference.\n"


def test_a_kept_breach_counts_as_one_in_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    sla = make_desk()
    sla.tick(MONDAY + 3 * DAY)
    sla.restart(make_office(*(TUESDAY + day * DAY for day in range(9))))
    sla.reckon()
    (row,) = [one for one in json.loads(run(monkeypatch, sla, "report", "--json").output)["rows"] if one.items() >= ROW]
    assert (row["breached"], row["running"]) == (1, 0)


ROW = {"clock": "resolution"}.items()


def test_a_clock_that_is_agreed_no_more_ends_without_a_verdict() -> None:
    sla = SlaInMemory(make_agreements({"P3": make_policy(others={Kind.ASSIGNMENT: 9 * HOUR})}))
    sla.restart(sla.agreements)
    sla.take(make_event())
    sla.restart(make_agreements())
    sla.tick(MONDAY + HOUR)
    sla.reckon()
    row = sla.rows(CLOCKS)["INC0000001:assignment:1"]
    assert (row["state"], row["stopped_at"], row["due_at"]) == ("cancelled", MONDAY + HOUR, None)
    (told,) = [event for event in sla.published() if event.type == "sla.cancelled"]
    assert told.data["change"]["reason"] == "no-longer-agreed"
    sla.take(make_event(2, MONDAY + 2 * HOUR, data={"team": "payroll", "state": "resolved"}))
    assert verify(sla)["differences"] == []
