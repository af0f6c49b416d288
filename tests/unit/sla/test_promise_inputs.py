"""A promise moves with the inputs of the clocks that make it, and an instant that was missed stays what it was."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.sla.domain.case import Case
from services.sla.domain.policy import Agreements, OnReopen
from services.sla.domain.promise import owed
from services.sla.storage import CASES, CLOCKS, PROMISES
from shared.errors import Conflict
from shared.storage import from_document
from tests.unit.sla.calls import CallsInMemory
from tests.unit.sla.factories import (
    HOUR,
    MINUTE,
    MONDAY,
    SlaInMemory,
    make_agreements,
    make_event,
    make_policy,
    make_restricted,
)
from tests.unit.sla.test_promise import ACCEPTED, ACTOR, RITA, WAITING, moves, whys
from tests.unit.sla.test_reckoning import DAY, TUESDAY, make_office

KEY = "INC0000001:expected"


def make_desk(agreements: Agreements | None = None) -> SlaInMemory:
    """An incident that Rita opened on Monday at nine: a reply is due on Tuesday at eleven, a solution a day later."""
    sla = SlaInMemory(agreements or make_office())
    sla.restart(sla.agreements)
    sla.take(make_event(data=RITA))
    return sla


def change_inputs(sla: SlaInMemory, agreements: Agreements) -> None:
    sla.restart(agreements)
    sla.reckon()


def ask(sla: SlaInMemory) -> Any:
    return CallsInMemory(sla).call("sla", "expect", {"number": "INC0000001", "args": {}, "actor": ACTOR})


def mailed(sla: SlaInMemory) -> dict[str, Any]:
    """What the last telling says of both."""
    data = [one for one in sla.published() if one.type == "sla.expected"][-1].data
    return {"reply": data["reply"], "solution": data["solution"]}


def test_a_holiday_that_is_added_moves_the_promise_once_and_says_why() -> None:
    sla = make_desk()
    change_inputs(sla, make_office(TUESDAY))
    assert sla.reckon() == 0
    assert whys(sla) == ["first-promise", "recomputed"]
    moved = moves(sla)[-1]
    assert moved["because"] == "calendar office changed"
    assert (moved["reply_by_from"], moved["reply_by_to"]) == ("2026-03-03T11:00:00.000Z", "2026-03-04T11:00:00.000Z")
    assert (moved["solution_by_from"], moved["solution_by_to"]) == (
        "2026-03-04T11:00:00.000Z",
        "2026-03-05T11:00:00.000Z",
    )
    assert ask(sla)["solution"]["by"] == moved["solution_by_to"]
    assert sla.rows(PROMISES)[KEY]["version"] == 2


def test_a_telling_names_the_event_that_the_promise_rests_on() -> None:
    sla = make_desk()
    change_inputs(sla, make_office(TUESDAY))
    last = [one for one in sla.published() if one.type == "sla.expected"][-1]
    assert (last.causationid, last.correlationid, last.time) == ("INC0000001-1", "trail-INC0000001", MONDAY)


@pytest.mark.parametrize("far", [200, 300])
def test_inputs_that_move_no_instant_tell_nobody(far: int) -> None:
    sla = make_desk()
    change_inputs(sla, make_office((MONDAY + far * DAY).date()))
    assert whys(sla) == ["first-promise"]


def test_a_reply_that_was_given_is_not_promised_again() -> None:
    sla = make_desk()
    sla.take(make_event(2, MONDAY + 10 * MINUTE, data=ACCEPTED))
    change_inputs(sla, make_office(TUESDAY))
    moved = moves(sla)[-1]
    assert (moved["reply_by_from"], moved["reply_by_to"]) == (None, None)
    assert mailed(sla)["reply"] is None


def test_a_promise_that_stands_while_the_requester_is_asked_is_not_told_anew() -> None:
    sla = make_desk()
    sla.take(make_event(2, MONDAY + 10 * MINUTE, data=WAITING))
    change_inputs(sla, make_office(TUESDAY))
    assert whys(sla) == ["first-promise", "waits"]
    sla.take(make_event(3, MONDAY + 20 * MINUTE, data=ACCEPTED))
    assert moves(sla)[-1]["solution_by_to"] == "2026-03-05T11:10:00.000Z"


def test_nobody_is_told_of_what_is_restricted_or_was_asked_for_by_nobody() -> None:
    sla = make_desk()
    sla.take(make_restricted(2, MONDAY + MINUTE), make_event(data={"number": "INC0000002"}))
    change_inputs(sla, make_office(TUESDAY))
    assert whys(sla) == ["first-promise"]


def test_what_moved_behind_a_restriction_is_told_when_it_ends() -> None:
    sla = make_desk()
    sla.take(make_restricted(2, MONDAY + MINUTE))
    change_inputs(sla, make_office(TUESDAY))
    sla.take(make_event(3, MONDAY + 2 * MINUTE, data=RITA))
    assert moves(sla)[-1]["solution_by_to"] == "2026-03-05T11:00:00.000Z"


def test_who_has_lost_the_lease_moves_no_promise() -> None:
    sla = make_desk()
    sla.restart(make_office(TUESDAY))
    sla.hold(2)
    with pytest.raises(Conflict):
        sla.reckon()
    assert whys(sla) == ["first-promise"]


def test_an_event_between_the_start_and_the_tick_brings_the_promise_at_once() -> None:
    sla = make_desk()
    sla.restart(make_office(TUESDAY))
    sla.take(make_event(2, MONDAY + MINUTE, data={**RITA, "level": 2}))
    assert whys(sla) == ["first-promise", "recomputed"]
    assert sla.reckon() == 0
    assert whys(sla) == ["first-promise", "recomputed"]


def test_what_was_missed_stays_missed_by_the_instant_that_was_promised() -> None:
    sla = make_desk()
    sla.tick(MONDAY + 3 * DAY)
    change_inputs(sla, make_office(*(TUESDAY + day * DAY for day in range(9))))
    assert whys(sla) == ["first-promise"]
    answer = ask(sla)["solution"]
    assert (answer["word"], answer["by"], answer["since"]) == (
        "late",
        "2026-03-04T11:00:00.000Z",
        "2026-03-04T11:00:00.000Z",
    )
    sla.take(make_event(2, MONDAY + 3 * DAY + HOUR, data={**ACCEPTED, "state": "resolved"}))
    assert ask(sla)["solution"]["by"] == "2026-03-04T11:00:00.000Z"


def test_a_target_that_has_gone_by_the_new_inputs_is_told_as_missed() -> None:
    sla = make_desk(make_office(TUESDAY))
    sla.clock.advance(2 * DAY + 3 * HOUR)
    change_inputs(sla, make_office())
    assert whys(sla) == ["first-promise", "recomputed"]
    assert mailed(sla)["solution"]["missed"]


def test_after_the_ticker_has_told_a_breach_it_is_late_and_a_pause_says_that_it_was_missed() -> None:
    sla = make_desk()
    sla.take(make_event(2, MONDAY + 10 * MINUTE, data=ACCEPTED))
    sla.tick(MONDAY + 3 * DAY)
    assert ask(sla)["solution"]["word"] == "late"
    sla.take(make_event(3, MONDAY + 3 * DAY + HOUR, data=WAITING))
    assert whys(sla) == ["first-promise", "waits"]
    told = mailed(sla)["solution"]
    assert (told["by"], told["missed"], told["waits_for"]) == ("2026-03-04T11:00:00.000Z", True, "user")
    assert (ask(sla)["solution"]["word"], ask(sla)["solution"]["reason"]) == ("late", "user")


@pytest.mark.parametrize("how", OnReopen)
def test_what_was_solved_late_and_is_reopened_is_owed_since_the_instant_that_was_missed(how: OnReopen) -> None:
    sla = make_desk(make_agreements({"P3": make_policy(on_reopen=how)}))
    sla.tick(MONDAY + 9 * HOUR)
    sla.take(make_event(2, MONDAY + 10 * HOUR, data={**ACCEPTED, "state": "resolved"}))
    sla.take(make_event(3, MONDAY + 11 * HOUR, data=ACCEPTED))
    assert whys(sla)[-1] == "reopened"
    assert mailed(sla)["solution"]["missed"]
    assert ask(sla)["solution"]["word"] == "late"


def test_what_is_reopened_in_time_is_promised_by_an_instant_to_come() -> None:
    sla = make_desk(make_agreements())
    sla.take(make_event(2, MONDAY + HOUR, data={**ACCEPTED, "state": "resolved"}))
    sla.take(make_event(3, MONDAY + 20 * HOUR, data=ACCEPTED))
    told = mailed(sla)["solution"]
    assert (told["by"], told["missed"]) == ("2026-03-03T08:00:00.000Z", False)


@settings(max_examples=60, deadline=None)
@given(
    closed=st.lists(st.sets(st.integers(0, 6), max_size=3), min_size=1, max_size=3),
    ticks=st.lists(st.integers(0, 5 * 24 * 60), min_size=3, max_size=3),
    steps=st.lists(st.sampled_from([ACCEPTED, WAITING, RITA]), min_size=3, max_size=3),
)
def test_what_a_requester_heard_last_is_what_is_owed_whatever_changes(
    closed: list[set[int]], ticks: list[int], steps: list[dict[str, Any]]
) -> None:
    sla = make_desk()
    for place, (days, minutes, data) in enumerate(zip(closed, sorted(ticks), steps, strict=False)):
        sla.tick(max(MONDAY + minutes * MINUTE, sla.clock.now()))
        sla.take(make_event(2 + place, sla.clock.now(), data=data))
        change_inputs(sla, make_office(*(TUESDAY + timedelta(days=day) for day in days)))
        row, case = sla.rows(PROMISES)[KEY], from_document(Case, sla.rows(CASES)["INC0000001"])
        for name, pledge in (
            ("reply", owed(case, sla.agreements).reply),
            ("solution", owed(case, sla.agreements).solution),
        ):
            if pledge is not None and (pledge.by is None or pledge.by >= sla.clock.now()):
                assert (row[name]["by"], row[name]["waits_for"]) == (pledge.by, pledge.waits_for)
    assert {row["edition"] for row in sla.rows(CASES).values()} == {sla.agreements.edition}
    assert set(sla.rows(CLOCKS)) == {"INC0000001:response", "INC0000001:resolution"}
