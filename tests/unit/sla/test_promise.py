"""What a requester may expect, and when they are told that it moved."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from deskwire.cli import cli
from services.sla.domain.case import Case, fold, fold_entry
from services.sla.domain.history import Entry
from services.sla.domain.kinds import Kind
from services.sla.domain.policy import Agreements
from services.sla.domain.promise import Owed, Word, answers, owed
from services.sla.domain.promise_moves import Promise, Why, move
from shared.errors import DeskwireError
from shared.event import Event
from tests.unit.sla.calls import CallsInMemory, connect
from tests.unit.sla.factories import (
    HOUR,
    MINUTE,
    MONDAY,
    SlaInMemory,
    make_agreements,
    make_calendar,
    make_event,
    make_history,
    make_policy,
    make_restricted,
)
from tests.unit.sla.worlds import World, worlds

RITA: dict[str, Any] = {"requester": {"id": "rita"}}
ACCEPTED = {**RITA, "state": "in_progress", "accepted_at": "2026-03-02T09:10:00.000Z"}
WAITING = {**ACCEPTED, "state": "waiting", "waiting_reason": "user"}


def moves(sla: SlaInMemory) -> list[dict[str, Any]]:
    return [one.data["change"] for one in sla.published() if one.type == "sla.expected"]


def whys(sla: SlaInMemory) -> list[str]:
    return [one["why"] for one in moves(sla)]


def ask(sla: SlaInMemory, **args: Any) -> Any:
    return CallsInMemory(sla).call("sla", "expect", {"number": "INC0000001", "args": args, "actor": ACTOR})


def refusal(sla: SlaInMemory, **args: Any) -> str:
    with pytest.raises(DeskwireError) as refused:
        ask(sla, **args)
    return refused.value.slug


ACTOR = {"kind": "system", "id": "operator"}


def test_a_new_request_may_expect_both_by_the_policy() -> None:
    sla = SlaInMemory()
    sla.take(make_event(data=RITA))
    answer = ask(sla)
    assert (answer["reply"]["word"], answer["reply"]["by_local"]) == ("expected", "2026-03-02 10:00 +00:00")
    assert answer["solution"]["by_local"] == "2026-03-02 13:00 +00:00"


def test_what_was_accepted_is_given_and_what_waits_has_no_date() -> None:
    sla = SlaInMemory()
    sla.take(make_event(data=RITA), make_event(2, MONDAY + 10 * MINUTE, data=WAITING))
    answer = ask(sla)
    assert (answer["reply"]["word"], answer["reply"]["reason"]) == ("given", "accepted")
    assert (answer["solution"]["word"], answer["solution"]["by"], answer["solution"]["reason"]) == (
        "standing",
        None,
        "user",
    )


def test_what_is_past_its_instant_is_late_since_then_before_any_ticker_has_looked() -> None:
    sla = SlaInMemory()
    sla.take(make_event(data=RITA))
    sla.clock.advance(2 * HOUR)
    answer = ask(sla)["reply"]
    assert (answer["word"], answer["since"]) == ("late", "2026-03-02T10:00:00.000Z")


def test_a_message_of_the_requester_is_a_reply_to_be_expected_again() -> None:
    sla = SlaInMemory(make_agreements({"P3": make_policy(others={Kind.NEXT_REPLY: HOUR})}))
    note = make_event(3, MONDAY + 2 * HOUR, type="incident.noted", data=ACCEPTED)
    note.data["change"] = {"visibility": "public", "author_kind": "requester"}  # type: ignore[index]
    sla.take(make_event(data=RITA), make_event(2, MONDAY + MINUTE, data=ACCEPTED), note)
    assert ask(sla)["reply"]["by"] == "2026-03-02T12:00:00.000Z"
    assert whys(sla) == ["first-promise", "requester-wrote"]
    assert moves(sla)[-1]["reply_by_from"] is None


def test_a_spell_of_a_team_promises_nothing() -> None:
    sla = SlaInMemory(make_agreements({"P3": make_policy(others={Kind.ASSIGNMENT: MINUTE})}))
    sla.take(make_event(data=RITA))
    assert ask(sla)["reply"]["by"] == "2026-03-02T10:00:00.000Z"


def test_the_zone_is_the_one_asked_for_else_the_requesters_else_the_calendars() -> None:
    cairo = make_calendar(name="cairo", zone="Africa/Cairo")
    sla = SlaInMemory(make_agreements({"P3": make_policy(calendar="cairo")}, {"cairo": cairo}))
    sla.take(make_event(data=RITA))
    assert (ask(sla)["zone"], ask(sla)["zone_of"]) == ("Africa/Cairo", "calendar")
    sla.take(make_event(2, MONDAY + MINUTE, data={"requester": {"id": "rita", "zone": "Asia/Kathmandu"}}))
    assert (ask(sla)["reply"]["by_local"], ask(sla)["zone_of"]) == ("2026-03-02 15:45 +05:45", "requester")
    assert ask(sla, zone="Europe/Berlin")["reply"]["by_local"] == "2026-03-02 11:00 +01:00"


def test_a_zone_that_nobody_knows_is_refused_when_asked_for_and_passed_over_when_told() -> None:
    sla = SlaInMemory()
    sla.take(make_event(data={"requester": {"id": "rita", "zone": "Mars/Phobos"}}))
    assert ask(sla)["zone_of"] == "calendar"
    assert refusal(sla, zone="Mars/Phobos") == "unknown-zone"


def test_nobody_is_told_of_a_restricted_incident() -> None:
    sla = SlaInMemory()
    sla.take(make_restricted())
    assert refusal(sla) == "restricted"
    assert moves(sla) == []


def test_an_incident_that_sla_does_not_know_is_not_found() -> None:
    assert refusal(SlaInMemory()) == "not-found"


def test_an_incident_that_nobody_asked_for_and_history_tell_nobody() -> None:
    sla = SlaInMemory()
    sla.take(make_event(), make_event(data={**RITA, "number": "INC0000002"}, backfill=True))
    assert (moves(sla), sla.rows("promises")) == ([], {})


def test_a_requester_is_told_first_and_then_at_each_move_only() -> None:
    sla = SlaInMemory()
    sla.take(make_event(data=RITA))
    sla.take(make_event(2, MONDAY + 10 * MINUTE, data=ACCEPTED))
    sla.take(make_event(3, MONDAY + 20 * MINUTE, data=WAITING))
    sla.take(make_event(4, MONDAY + 30 * MINUTE, data={**WAITING, "level": 2}))
    sla.take(make_event(5, MONDAY + 80 * MINUTE, data=ACCEPTED))
    sla.take(make_event(6, MONDAY + 81 * MINUTE, data={**ACCEPTED, "priority": "P1"}))
    sla.take(make_event(7, MONDAY + 82 * MINUTE, data={**ACCEPTED, "priority": "P1", "state": "resolved"}))
    sla.take(make_event(8, MONDAY + 90 * MINUTE, data={**ACCEPTED, "priority": "P1"}))
    assert whys(sla) == ["first-promise", "waits", "resumed", "priority-changed", "reopened"]
    resumed = moves(sla)[2]
    assert (resumed["solution_by_from"], resumed["solution_by_to"]) == (None, "2026-03-02T14:00:00.000Z")
    assert [one.sequence for one in sla.published() if one.type == "sla.expected"] == [1, 2, 3, 4, 5]


def test_a_breach_moves_no_promise() -> None:
    sla = SlaInMemory()
    sla.take(make_event(data=RITA))
    sla.tick(MONDAY + 9 * HOUR)
    sla.take(make_event(2, MONDAY + 10 * HOUR, data={**RITA, "level": 2}))
    assert whys(sla) == ["first-promise"]
    assert len(sla.breaches) == 2


def test_the_same_events_in_another_order_tell_the_same() -> None:
    events = [
        make_event(data=RITA),
        make_event(2, MONDAY + 20 * MINUTE, data=WAITING),
        make_event(3, MONDAY + 80 * MINUTE, data=ACCEPTED),
    ]
    one, other = SlaInMemory(), SlaInMemory()
    one.take(*events)
    for event in reversed(events):
        other.take(event)
    other.take(*events)
    assert moves(one) == moves(other)
    assert len(moves(one)) == 3


def test_what_moved_behind_a_restriction_is_told_when_it_ends() -> None:
    sla = SlaInMemory()
    urgent = make_restricted(2, MONDAY + MINUTE)
    sla.take(make_event(data=RITA), replace(urgent, data={**urgent.data, "priority": "P1"}))
    assert len(moves(sla)) == 1
    sla.take(make_event(3, MONDAY + 2 * MINUTE, data={**RITA, "priority": "P1"}))
    assert [one["solution_by_to"] for one in moves(sla)] == ["2026-03-02T13:00:00.000Z", "2026-03-02T10:00:00.000Z"]


def test_a_promise_and_the_clocks_that_make_it_are_stored_together_or_not_at_all() -> None:
    sla = SlaInMemory()
    event = make_event(data=RITA)
    sla.take(event)
    sla.take(event)
    assert list(sla.rows("promises")) == ["INC0000001:expected"]
    assert len(moves(sla)) == 1


def told(entries: list[Entry], agreements: Agreements) -> list[tuple[Promise, Event]]:
    case, heard = Case(incident="INC0000001"), list[tuple[Promise, Event]]()
    for entry in entries:
        before = case
        case, _ = fold_entry(case, entry, agreements)
        moved = move(heard[-1][0] if heard else None, before, case, agreements)
        heard += [] if moved is None else [moved]
    return heard


@settings(max_examples=150, deadline=None)
@given(worlds())
def test_what_was_told_last_is_what_is_owed_and_no_two_tellings_in_a_row_are_the_same(world: World) -> None:
    agreements = world.agreements
    entries = [replace(entry, requester="rita") for entry in world.entries]
    heard = told(entries, agreements)
    case, _ = fold("INC0000001", entries, agreements)
    now = owed(case, agreements)
    last = heard[-1][0] if heard else None
    for name in ("reply", "solution"):
        if getattr(now, name) is not None and not entries[-1].restricted:
            assert last is not None
            assert getattr(last, name) == getattr(now, name)
    pairs = [(one.reply, one.solution) for one, _ in heard]
    fresh = (Why.REOPENED, Why.ASKED)
    for before, after, (_, event) in zip(pairs, pairs[1:], heard[1:], strict=False):
        assert before != after or event.change["why"] in fresh


@settings(max_examples=150, deadline=None)
@given(worlds(), st.integers(0, 10**6))
def test_an_answer_agrees_with_what_is_owed_whenever_it_is_asked_for(world: World, seconds: int) -> None:
    agreements, entries = world.agreements, world.entries
    case, _ = fold("INC0000001", entries, agreements)
    now = max(run.at for run in case.runs) + timedelta(seconds=seconds)
    promised: Owed = owed(case, agreements)
    for pledge, answer in zip((promised.reply, promised.solution), answers(case, agreements, now), strict=True):
        assert (pledge is None) is (answer.word in (Word.GIVEN, Word.WITHDRAWN))
        if pledge is not None:
            assert answer.by == pledge.by
            assert answer.reason == pledge.waits_for
            if answer.word is Word.EXPECTED:
                assert answer.by is not None
                assert answer.by >= now
            if answer.word is Word.LATE:
                assert answer.since is not None
                assert answer.since < now


def test_a_reason_that_changes_while_it_waits_is_told() -> None:
    agreements = make_agreements({"P3": make_policy(pauses=frozenset({"user", "vendor"}))})
    entries = make_history(
        (0 * MINUTE, {"requester": "rita"}),
        (MINUTE, {"state": "waiting", "waiting_reason": "user"}),
        (2 * MINUTE, {"waiting_reason": "vendor"}),
    )
    assert [event.change["why"] for _, event in told(entries, agreements)] == [Why.FIRST, Why.WAITS, Why.WAITS]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (RITA, "Reply:     expected by 2026-03-02 11:00 +01:00"),
        (WAITING, "Solution:  waiting for you since 2026-03-02 10:01 +01:00"),
        ({**ACCEPTED, "state": "resolved"}, "Solution:  given at 2026-03-02 10:01 +01:00 (resolved)"),
        ({**RITA, "state": "cancelled"}, "Solution:  not expected any more: withdrawn at 2026-03-02 10:01 +01:00"),
    ],
)
def test_a_person_reads_it_in_plain_words(monkeypatch: pytest.MonkeyPatch, data: dict[str, Any], words: str) -> None:
    sla = SlaInMemory()
    sla.take(make_event(data=RITA), make_event(2, MONDAY + MINUTE, data=data))
    connect(monkeypatch, sla)
    shown = CliRunner().invoke(cli, ["sla", "expect", "inc0000001", "--zone", "Europe/Berlin"], standalone_mode=False)
    assert words in shown.output
    assert "Times are those of Europe/Berlin (as asked for)." in shown.output


def test_a_program_reads_it_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    sla = SlaInMemory()
    sla.take(make_event(data=RITA))
    connect(monkeypatch, sla)
    result = CliRunner().invoke(cli, ["sla", "expect", "INC0000001", "--json"], standalone_mode=False)
    assert json.loads(result.output)["reply"]["word"] == "expected"
