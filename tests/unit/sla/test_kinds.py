"""Clocks beside response and resolution: each customer message, each team's spell, each vendor's spell."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.sla import handlers
from services.sla.domain.case import Case, fold, fold_entry
from services.sla.domain.clock import Moment
from services.sla.domain.kinds import KINDS, OVER, Kind
from services.sla.domain.policy import Agreements
from tests.unit.sla.factories import (
    HOUR,
    MINUTE,
    MONDAY,
    SlaInMemory,
    agreed,
    make_event,
    make_history,
    make_policy,
    make_restricted,
    make_rule,
)

ALL = make_policy(thresholds=(), others={Kind.NEXT_REPLY: HOUR, Kind.ASSIGNMENT: 2 * HOUR, Kind.VENDOR: 8 * HOUR})
ASKED = {"asked": True, "answered": False}
ANSWERED = {"asked": False, "answered": True}
QUIET = {"asked": False, "answered": False}
VENDOR = {"state": "waiting", "waiting_reason": "vendor"}
WORKING = {"state": "in_progress", "waiting_reason": None}
AGREED = agreed(make_rule(ALL))


def told(kind: Kind, *steps: tuple[float, dict[str, Any]], agreements: Agreements = AGREED) -> list[Any]:
    """Facts of one kind: which clock, the last word of the type, hours since the start, and the reason if any."""
    history = make_history((0 * HOUR, {}), *((hours * HOUR, changes) for hours, changes in steps))
    _, moments = fold("INC0000001", history, agreements)
    mine = [moment for moment in moments if moment.run.kind is kind]
    return [_short(moment) for moment in mine]


def _short(moment: Moment) -> tuple[int | None, str, float, str | None]:
    name, hours = moment.event.type.removeprefix("sla."), (moment.event.at - MONDAY) / HOUR
    return moment.run.instance, name, hours, moment.event.change.get("reason")


def test_each_message_of_the_customer_has_its_own_clock_until_the_desk_replies() -> None:
    assert told(Kind.NEXT_REPLY, (1, ASKED), (1.5, ASKED), (1.75, ANSWERED), (3, ASKED), (9, ANSWERED)) == [
        (2, "started", 1, None),
        (3, "started", 1.5, None),
        (2, "met", 1.75, "replied"),
        (3, "met", 1.75, "replied"),
        (5, "started", 3, None),
        (5, "breached", 4, None),
        (5, "ended", 9, "replied"),
    ]


def test_a_message_needs_no_reply_once_the_incident_is_over() -> None:
    assert told(Kind.NEXT_REPLY, (1, ASKED), (1.5, {**QUIET, "state": "resolved"}), (2, ASKED)) == [
        (2, "started", 1, None),
        (2, "met", 1.5, "resolved"),
    ]


def test_a_reply_clock_stands_while_the_policy_pauses() -> None:
    waiting = {**QUIET, "state": "waiting", "waiting_reason": "user"}
    assert told(Kind.NEXT_REPLY, (1, ASKED), (1.5, waiting), (20, {**QUIET, **WORKING}), (20.25, ANSWERED))[1:] == [
        (2, "paused", 1.5, "user"),
        (2, "resumed", 20, "user"),
        (2, "met", 20.25, "replied"),
    ]


def test_each_team_has_its_own_clock_for_its_spell() -> None:
    """The second group gets its whole time: https://github.com/glpi-project/glpi/issues/1911."""
    steps = ((1, {"team": "desk"}), (2.5, {"team": "payroll"}), (4, {"team": "payroll"}), (5, {"team": "desk"}))
    assert told(Kind.ASSIGNMENT, *steps, (6, {"state": "resolved"})) == [
        (2, "started", 1, None),
        (2, "met", 2.5, "handed-over"),
        (3, "started", 2.5, None),
        (3, "breached", 4.5, None),
        (3, "ended", 5, "handed-over"),
        (5, "started", 5, None),
        (5, "met", 6, "resolved"),
    ]


def test_a_reopened_incident_begins_a_new_spell_of_its_team() -> None:
    steps = ((1, {"team": "desk"}), (2, {"state": "resolved"}), (30, {"state": "assigned"}))
    assert told(Kind.ASSIGNMENT, *steps)[2:] == [(4, "started", 30, None)]


def test_a_vendors_spell_is_the_time_that_the_incident_waits_for_it_though_other_clocks_stand() -> None:
    agreements = agreed(
        make_rule(make_policy(thresholds=(), pauses=frozenset({"vendor"}), others={Kind.VENDOR: 8 * HOUR}))
    )
    steps = ((1, VENDOR), (3, WORKING), (4, VENDOR), (13, WORKING))
    assert told(Kind.VENDOR, *steps, agreements=agreements) == [
        (2, "started", 1, None),
        (2, "met", 3, "back"),
        (4, "started", 4, None),
        (4, "breached", 12, None),
        (4, "ended", 13, "back"),
    ]


def test_a_restricted_version_does_not_end_a_vendors_spell() -> None:
    hidden = {"state": "waiting", "waiting_reason": None, "restricted": True}
    steps = ((1, VENDOR), (2, hidden), (3, {**VENDOR, "restricted": False}), (4, WORKING))
    assert told(Kind.VENDOR, *steps) == [(2, "started", 1, None), (2, "met", 4, "back")]


def test_a_policy_without_a_target_starts_no_such_clock_and_takes_none_over() -> None:
    agreements = agreed(make_rule(ALL, priority="P3"), make_rule(make_policy(name="plain")))
    steps = ((0.5, ASKED), (0.75, {**QUIET, "priority": "P2"}), (1, ASKED), (3, ANSWERED))
    assert told(Kind.NEXT_REPLY, *steps, agreements=agreements) == [
        (2, "started", 0.5, None),
        (2, "breached", 1.5, None),
        (2, "ended", 3, "replied"),
    ]


def test_every_kind_has_its_row() -> None:
    assert KINDS.keys() == set(Kind)


@given(st.lists(st.sampled_from(["ask", "answer", "quiet", "resolve", "reopen"]), max_size=14))
@settings(max_examples=60, deadline=None)
def test_each_message_waits_for_the_first_reply_or_end_after_it(acts: list[str]) -> None:
    steps, state = list[tuple[float, dict[str, Any]]](), "assigned"
    for number, act in enumerate(acts, start=1):
        state = {"resolve": "resolved", "reopen": "assigned"}.get(act, state)
        steps.append((number / 20, {"asked": act == "ask", "answered": act == "answer", "state": state}))
    expected = {}
    for place, (hours, step) in enumerate(steps):
        if step["asked"] and step["state"] not in OVER:
            ends = (later for later, one in steps[place + 1 :] if one["answered"] or one["state"] in OVER)
            expected[place + 2] = (hours, next(ends, None))
    facts = told(Kind.NEXT_REPLY, *steps)
    found = {one: (hours, None) for one, name, hours, _ in facts if name == "started"}
    found |= {one: (found[one][0], hours) for one, name, hours, _ in facts if name == "met"}
    assert found == {one: tuple(map(_about, both)) for one, both in expected.items()}


def _about(hours: float | None) -> float | None:
    return None if hours is None else (hours * HOUR) / HOUR


@given(
    st.lists(
        st.tuples(st.sampled_from(["desk", "payroll", None]), st.sampled_from(["assigned", "waiting"])), max_size=8
    )
)
@settings(max_examples=30, deadline=None)
def test_folding_entry_by_entry_equals_folding_at_once_for_every_kind(spells: list[tuple[str | None, str]]) -> None:
    changes = [
        {"team": team, "state": state, "waiting_reason": "vendor" if state == "waiting" else None, **ASKED}
        for team, state in spells
    ]
    history = make_history((0 * HOUR, {}), *((n * 20 * MINUTE, one) for n, one in enumerate(changes, start=1)))
    case, moments = Case(incident="INC0000001"), list[Moment]()
    for entry in history:
        case, new = fold_entry(case, entry, AGREED)
        moments += new
    assert (case, tuple(moments)) == fold("INC0000001", history, AGREED)
    keys = [(run.kind, run.instance) for run in case.runs]
    assert len(set(keys)) == len(keys)


def note(version: int, minutes: int, author: str, visibility: str = "public") -> Any:
    event = make_event(version, MONDAY + minutes * MINUTE, type="incident.noted")
    event.data["change"].update(author_kind=author, visibility=visibility)
    return event


def test_public_notes_start_and_stop_reply_clocks_and_private_ones_do_not() -> None:
    sla = SlaInMemory(AGREED)
    sla.take(make_event(), note(2, 10, "requester"), note(3, 20, "agent", "private"), note(4, 30, "system"))
    assert sla.rows("clocks")["INC0000001:next_reply:2"]["state"] == "running"
    sla.take(note(5, 40, "agent"))
    assert sla.rows("clocks")["INC0000001:next_reply:2"]["state"] == "met"
    assert [key for key in sla.rows("clocks") if "next_reply" in key] == ["INC0000001:next_reply:2"]


def test_the_ticker_tells_the_thresholds_of_each_clock_under_its_own_key() -> None:
    sla = SlaInMemory(AGREED)
    sla.take(make_event(), note(2, 10, "requester"), note(3, 20, "requester"))
    sla.tick(MONDAY + HOUR + 15 * MINUTE)
    breached = [event.subject for event in sla.published() if event.type == "sla.breached"]
    assert breached == ["INC0000001:response", "INC0000001:next_reply:2"]
    assert sla.rows("due").keys() >= {"INC0000001:next_reply:3"}
    sla.take(note(4, 90, "agent"))
    states = {key: row["state"] for key, row in sla.rows("clocks").items() if "next_reply" in key}
    assert states == {"INC0000001:next_reply:2": "breached", "INC0000001:next_reply:3": "breached"}


def test_all_clocks_of_an_incident_are_shown_with_their_party() -> None:
    sla = SlaInMemory(AGREED)
    sla.take(make_event(), note(2, 10, "requester"), make_event(3, MONDAY + HOUR, data={"team": "payroll"}))
    shown = {one["number"]: one["party"] for one in sla.ask(handlers.get, number="INC0000001")["clocks"]}
    assert shown == {
        "INC0000001:response": None,
        "INC0000001:resolution": None,
        "INC0000001:assignment:1": "desk",
        "INC0000001:next_reply:2": None,
        "INC0000001:assignment:3": "payroll",
    }


def test_a_report_shows_other_kinds_where_there_are_such_clocks() -> None:
    sla = SlaInMemory(AGREED)
    sla.take(make_event(), note(2, 10, "requester"))
    priorities = sla.ask(handlers.report)["priorities"]
    assert priorities["P1"].keys() == {"response", "resolution"}
    assert priorities["P3"].keys() == {"response", "resolution", "assignment", "next_reply"}


def test_a_restricted_version_keeps_the_team_that_is_known() -> None:
    sla = SlaInMemory(AGREED)
    sla.take(make_event(), make_restricted(2, MONDAY + MINUTE, state="assigned"))
    assert sla.rows("clocks")["INC0000001:assignment:1"]["state"] == "running"
