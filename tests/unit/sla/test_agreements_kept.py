"""Several agreements in the service: keys, events, what is asked, and settings that gain or lose an agreement."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from click.testing import CliRunner

from deskwire.cli import cli
from deskwire.sla.walk import pages
from services.sla import handlers
from services.sla.domain.policy import Agreements
from services.sla.events import EXPECTED, STARTED
from services.sla.storage import CASES, CLOCKS, DUE
from tests.unit.sla.calls import CallsInMemory, connect
from tests.unit.sla.factories import (
    HOUR,
    MINUTE,
    MONDAY,
    SlaInMemory,
    beside,
    make_agreements,
    make_event,
    make_policy,
    make_rule,
)
from tests.unit.sla.test_verify import verify

NUMBER = "INC0000001"
MAIN_KEY, KEY = f"{NUMBER}:resolution", f"{NUMBER}:resolution@premium"
RITA: dict[str, Any] = {"requester": {"id": "rita"}}
P1 = {"priority": "P1"}
ACTOR = {"kind": "system", "id": "operator"}


def make_both(**options: Any) -> Agreements:
    """Four hours to resolve, and by the agreement `premium` three, of records that acme has."""
    premium = make_policy(name="premium", response=HOUR / 2, resolution=3 * HOUR)
    return beside(make_agreements(), "premium", make_rule(premium, organisation="acme"), **options)


def make_desk(**data: Any) -> SlaInMemory:
    sla = SlaInMemory(make_both())
    sla.restart(sla.agreements)
    sla.take(make_event(data=data))
    return sla


def ask(sla: SlaInMemory, method: str, number: str | None = None, **args: Any) -> Any:
    request = {"args": args, "actor": ACTOR, **({} if number is None else {"number": number})}
    return CallsInMemory(sla).call("sla", method, request)


def test_each_agreement_has_its_own_clocks_and_due_rows_and_the_history_is_kept_once() -> None:
    sla = make_desk()
    keys = {f"{NUMBER}:{name}" for name in ("response", "resolution", "response@premium", "resolution@premium")}
    assert sla.rows(CLOCKS).keys() == sla.rows(DUE).keys() == keys
    assert len(sla.rows("history")) == len(sla.rows(CASES)) == 1
    started = {one.subject: one.data["agreement"] for one in sla.published() if one.type == STARTED}
    assert started == {key: "premium" if key.endswith("@premium") else "main" for key in keys}


def test_the_ticker_tells_the_breach_of_each_at_its_own_instant() -> None:
    sla = make_desk()
    for hours in (2, 3, 4, 5):
        sla.tick(MONDAY + hours * HOUR + MINUTE)
    assert ("breached", MONDAY + 4 * HOUR) in sla.told("resolution")
    assert ("breached", MONDAY + 3 * HOUR) in sla.told("resolution@premium")
    assert verify(sla)["differences"] == []


def test_an_agreement_that_comes_and_goes_leaves_what_its_history_says() -> None:
    sla = make_desk(organisation=None)
    assert KEY not in sla.rows(CLOCKS)
    sla.take(make_event(2, MONDAY + HOUR))
    assert sla.told("resolution@premium") == [("started", MONDAY + HOUR)]
    assert sla.rows(CLOCKS)[KEY]["due_at"] == MONDAY + 3 * HOUR
    sla.take(make_event(3, MONDAY + 2 * HOUR, data={"organisation": "other"}))
    assert KEY not in sla.rows(DUE)
    assert verify(sla)["differences"] == []
    sla.take(make_event(4, MONDAY + 150 * MINUTE))
    assert [fact for fact, _ in sla.told("resolution@premium")] == ["started", "warned", "cancelled", "resumed"]
    assert sla.rows(DUE)[KEY]["at"] == MONDAY + 3 * HOUR
    assert verify(sla)["differences"] == []


def test_explain_lists_the_strictest_clock_first() -> None:
    sla = make_desk()
    shown = [(one["clock"], one["agreement"]) for one in ask(sla, "explain", NUMBER)["clocks"]]
    assert shown == [("response", "premium"), ("response", "main"), ("resolution", "premium"), ("resolution", "main")]
    sla.take(make_event(2, MONDAY + MINUTE, data={"state": "in_progress", "accepted_at": "2026-03-02T09:01:00.000Z"}))
    sla.clock.advance(MINUTE)
    shown = [(one["clock"], one["agreement"]) for one in ask(sla, "explain", NUMBER)["clocks"]]
    assert shown[:2] == [("resolution", "premium"), ("resolution", "main")]
    assert [one["agreement"] for one in ask(sla, "explain", NUMBER, agreement="main")["clocks"]] == ["main", "main"]


def test_get_and_predict_tell_whose_clock_it_is() -> None:
    sla = make_desk()
    got = sla.ask(handlers.get, number=NUMBER)["clocks"]
    assert {(one["number"], one["agreement"]) for one in got} >= {(MAIN_KEY, "main"), (KEY, "premium")}
    ahead = [
        one
        for page in pages(CallsInMemory(sla), "predict", None, None, within_seconds=10_800)
        for one in page["clocks"]
    ]
    assert {one["number"] for one in ahead} == {f"{NUMBER}:response", f"{NUMBER}:response@premium", KEY}


def test_the_requester_is_promised_what_is_due_first() -> None:
    sla = make_desk(**RITA)
    answer = ask(sla, "expect", NUMBER)
    assert (answer["reply"]["by"], answer["solution"]["by"]) == ("2026-03-02T09:30:00.000Z", "2026-03-02T12:00:00.000Z")


def test_what_is_agreed_inside_the_house_is_no_promise() -> None:
    sla = SlaInMemory(make_both(internal=True))
    sla.take(make_event(data=RITA))
    assert ask(sla, "expect", NUMBER)["solution"]["by"] == "2026-03-02T13:00:00.000Z"


def test_a_promise_moves_back_when_the_stricter_agreement_ceases() -> None:
    sla = make_desk(**RITA)
    sla.take(make_event(2, MONDAY + MINUTE, data={**RITA, "organisation": "other"}))
    first, second = (one.data["change"] for one in sla.published() if one.type == EXPECTED)
    assert (first["solution_by_to"], second["solution_by_from"]) == ("2026-03-02T12:00:00.000Z",) * 2
    assert second["solution_by_to"] == "2026-03-02T13:00:00.000Z"
    answer = ask(sla, "expect", NUMBER)
    assert answer["solution"]["word"] == "expected"


def test_what_is_given_is_told_by_the_agreement_that_still_held() -> None:
    sla = make_desk(**RITA)
    sla.take(make_event(2, MONDAY + MINUTE, data={**RITA, "organisation": "other"}))
    solved = {**RITA, "organisation": "other", "state": "resolved"}
    sla.take(make_event(3, MONDAY + HOUR, data=solved))
    assert ask(sla, "expect", NUMBER)["solution"] == {
        "word": "given",
        "by": "2026-03-02T13:00:00.000Z",
        "by_local": "2026-03-02 13:00 +00:00",
        "since": "2026-03-02T10:00:00.000Z",
        "since_local": "2026-03-02 10:00 +00:00",
        "reason": "resolved",
    }


def test_figures_are_of_the_first_agreement_unless_others_are_asked_for() -> None:
    sla = make_desk()
    assert ask(sla, "figures")["values"] == {"P3": {"response": {"running": 1}, "resolution": {"running": 1}}}
    every = ask(sla, "figures", agreement="all")
    assert every["values"]["P3"].keys() == {"response", "resolution", "response@premium", "resolution@premium"}
    assert every["backlog"] == {"P3": {"under 1 day": 1}}
    told_apart = ask(sla, "figures", by="agreement", agreement="all")["values"]
    assert {name: sums["resolution"] for name, sums in told_apart.items()} == {
        "main": {"running": 1},
        "premium": {"running": 1},
    }


def test_the_attainment_that_is_asked_of_the_service_does_not_mix_agreements() -> None:
    sla = make_desk()
    assert sla.ask(handlers.report)["priorities"]["P3"]["resolution"]["running"] == 1
    every = sla.ask(handlers.report, {"agreement": "all"})["priorities"]["P3"]
    assert every["resolution"]["running"] == every["resolution@premium"]["running"] == 1


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    connect(monkeypatch, make_desk())
    return CliRunner().invoke(cli, ["sla", *words], standalone_mode=False, catch_exceptions=False).output


def test_a_person_sees_whose_clock_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = run(monkeypatch, "explain", NUMBER)
    assert "resolution@premium  running" in shown
    assert "resolution  running" in shown
    assert "@premium" not in run(monkeypatch, "explain", NUMBER, "--agreement", "main")


def test_a_report_grouped_by_agreement_has_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = list(csv.DictReader(io.StringIO(run(monkeypatch, "report", "--by", "agreement", "--csv"))))
    assert {(one["agreement"], one["clock"]) for one in lines} == {
        (agreement, clock) for agreement in ("main", "premium") for clock in ("response", "resolution")
    }
    one = json.loads(run(monkeypatch, "report", "--agreement", "premium", "--json"))
    assert {row["clock"] for row in one["rows"]} == {"response@premium", "resolution@premium"}
