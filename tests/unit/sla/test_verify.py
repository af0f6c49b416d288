"""`verify`: what is stored is what the history makes of it, and whatever is not so is found."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from deskwire.cli import Exit, cli
from deskwire.sla.walk import pages
from shared.store import Document
from tests.unit.sla.calls import CallsInMemory, connect
from tests.unit.sla.factories import HOUR, MINUTE, MONDAY, SlaInMemory, make_event
from tests.unit.sla.lives import LIFE, life

COUNTED = ("checked", "behind", "moving", "unproven", "lost", "outdated", "superseded", "bygone", "kept")
NOTHING = dict.fromkeys(COUNTED, 0) | {"differences": []}


def verify(sla: SlaInMemory, **args: Any) -> Document:
    """All pages as one."""
    since, until = args.pop("since", None), args.pop("until", None)
    found = list(pages(CallsInMemory(sla), "verify", since, until, **args))
    sums = {name: sum(page[name] for page in found) for name in COUNTED}
    return {**sums, "differences": [one for page in found for one in page["differences"]]}


def make_desk(records: int = 3, **overrides: Any) -> SlaInMemory:
    sla = SlaInMemory()
    for number in range(records):
        sla.take(*life(f"INC{number:07d}", **overrides))
    sla.clock.advance(timedelta(days=40))
    return sla


@pytest.mark.parametrize("backfill", [False, True])
def test_what_was_folded_event_by_event_is_what_the_history_makes_of_it(backfill: bool) -> None:
    found = verify(make_desk(backfill=backfill), limit=2)
    assert found == NOTHING | {"checked": 6}


@settings(max_examples=60, deadline=None)
@given(
    order=st.permutations(range(len(LIFE))),
    ticks=st.lists(st.integers(0, 40 * 60), max_size=6),
    taken=st.integers(1, len(LIFE)),
)
def test_there_is_no_difference_whatever_the_order_of_events_and_whenever_the_ticker_looked(
    order: list[int], ticks: list[int], taken: int
) -> None:
    sla = SlaInMemory()
    events, looks = life(), sorted(ticks)
    for place, index in enumerate(order[:taken]):
        sla.take(events[index])
        for minutes in looks[place : place + 1]:
            sla.tick(MONDAY + minutes * MINUTE)
    sla.clock.advance(timedelta(days=1))
    assert verify(sla)["differences"] == []


@pytest.mark.parametrize(
    ("collection", "change"),
    [
        ("clocks", {"state": "met"}),
        ("clocks", {"elapsed_seconds": 1.5}),
        ("clocks", {"due_at": MONDAY}),
        ("clocks", {"breached_at": MONDAY}),
        ("clocks", {"target_seconds": 1.0}),
        ("clocks", {"policy": "gold"}),
    ],
)
def test_a_record_that_was_changed_is_found_by_field(collection: str, change: Document) -> None:
    sla = make_desk()
    sla.rows(collection)["INC0000001:resolution"].update(change)
    found = verify(sla)["differences"]
    assert [(one["clock"], one["field"]) for one in found] == [("INC0000001:resolution", name) for name in change]


def test_a_stored_fold_that_was_changed_is_found() -> None:
    sla = make_desk()
    sla.rows("cases")["INC0000002"]["runs"][1]["spans"][0]["end"] = MONDAY + HOUR
    (found,) = verify(sla)["differences"]
    assert (found["clock"], found["field"]) == ("INC0000002:resolution", "fold.spans")
    assert found["expected"][0]["end"] == "2026-03-02T09:30:00.000Z"


def test_a_breach_that_the_ticker_has_yet_to_tell_is_no_difference() -> None:
    sla = SlaInMemory()
    sla.take(make_event())
    sla.clock.advance(50 * HOUR)
    assert verify(sla) == NOTHING | {"checked": 2, "behind": 2}
    while sla.tick():
        pass
    assert verify(sla)["behind"] == 0


def test_a_clock_whose_history_was_removed_is_not_called_right(monkeypatch: pytest.MonkeyPatch) -> None:
    sla = make_desk()
    del sla.rows("history")["INC0000001:3"]
    found = verify(sla)
    assert (found["checked"], found["lost"], found["unproven"]) == (4, 2, 0)
    answer, code = run_verify(monkeypatch, sla)
    assert (answer["intact"], answer["proven"], code) == (False, 4, Exit.NOT_WELL)


def test_a_clock_older_than_the_history_that_is_kept_is_neither_right_nor_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sla = make_desk()
    sla.clock.advance(timedelta(days=400))
    del sla.rows("history")["INC0000001:1"]
    answer, code = run_verify(monkeypatch, sla)
    assert (answer["unproven"], answer["lost"], answer["intact"], answer["proven"], code) == (2, 0, True, 4, Exit.DONE)


def test_the_command_does_not_end_well_when_it_could_prove_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    sla = make_desk()
    sla.clock.advance(timedelta(days=400))
    sla.rows("history").clear()
    answer, code = run_verify(monkeypatch, sla)
    assert (answer["proven"], answer["unproven"], answer["intact"], code) == (0, 6, True, Exit.NOT_WELL)


def test_a_clock_whose_case_was_removed_is_found() -> None:
    sla = make_desk()
    del sla.rows("cases")["INC0000001"]
    found = verify(sla)
    assert [(one["clock"], one["field"]) for one in found["differences"]] == [
        ("INC0000001:resolution", "case"),
        ("INC0000001:response", "case"),
    ]
    assert found["moving"] == 0


@pytest.mark.parametrize("limit", [1, 2, 200])
def test_an_incident_all_of_whose_clocks_were_deleted_is_found(limit: int) -> None:
    sla = make_desk()
    for kind in ("response", "resolution"):
        del sla.rows("clocks")[f"INC0000001:{kind}"]
    found = verify(sla, limit=limit)
    assert [(one["clock"], one["field"], one["stored"], one["expected"]) for one in found["differences"]] == [
        ("INC0000001:response", "clock", None, "met"),
        ("INC0000001:resolution", "clock", None, "breached"),
    ]
    assert found["checked"] == 6


def test_a_single_clock_that_was_deleted_is_found_too() -> None:
    sla = make_desk()
    del sla.rows("clocks")["INC0000002:response"]
    assert [one["clock"] for one in verify(sla)["differences"]] == ["INC0000002:response"]


def test_a_period_is_asked_for_the_clocks_of_the_incidents_that_began_in_it() -> None:
    sla = make_desk()
    sla.rows("clocks").clear()
    assert len(verify(sla, since=MONDAY)["differences"]) == 6
    assert verify(sla, since=MONDAY + MINUTE)["differences"] == []
    assert verify(sla, until=MONDAY)["differences"] == []


def test_the_command_does_not_end_well_when_clocks_are_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    sla = make_desk()
    sla.rows("clocks").clear()
    answer, code = run_verify(monkeypatch, sla)
    assert (answer["intact"], answer["proven"], code) == (False, 0, Exit.NOT_WELL)


def run_verify(monkeypatch: pytest.MonkeyPatch, sla: SlaInMemory) -> tuple[Any, int]:
    """What `deskwire sla verify --json` answers, and its exit code."""
    connect(monkeypatch, sla)
    result = CliRunner().invoke(cli, ["sla", "verify", "--json"], standalone_mode=False)
    return json.loads(result.output), result.return_value


def test_the_command_says_that_nothing_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, make_desk())
    result = CliRunner().invoke(cli, ["sla", "verify", "--from", "2026-03-01"], standalone_mode=False)
    assert (result.output, result.return_value) == ("6 clocks recomputed, no difference.\n", Exit.DONE)


def test_the_command_ends_with_another_code_when_something_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    sla = make_desk()
    sla.rows("clocks")["INC0000001:response"]["elapsed_seconds"] = 7.0
    answer, code = run_verify(monkeypatch, sla)
    assert code == Exit.NOT_WELL
    (found,) = answer["differences"]
    assert (found["clock"], found["field"]) == ("INC0000001:response", "elapsed_seconds")
    assert (found["stored"], found["expected"]) == (7.0, 600.0)
    assert found["inputs"].endswith("; time zone database 2026a")
