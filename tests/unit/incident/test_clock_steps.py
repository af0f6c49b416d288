"""Clocks of senders that are set back, and messages that come late: the one must be heard, the other must not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.incident.domain.record import State
from shared.envelope import Envelope
from tests.unit.incident.factories import CALM, NOW, House, make_alert

MINUTE = timedelta(minutes=1)


def at(minutes: float, *, fires: bool = True, **data: Any) -> Envelope:
    """What a monitor says, so many minutes after 08:00 by its clock."""
    message = make_alert(f"{minutes}{fires}{data}", fires=fires, **{"source": "/mon", **data})
    return replace(message, time=NOW - 60 * MINUTE + minutes * MINUTE)


def open_after(*messages: Envelope, house: House | None = None) -> bool:
    house = house or House(alerts=CALM)
    for message in messages:
        assert not house.tell(message).rejected
    return any(incident.unfinished for incident in house.incidents().values())


def test_a_firing_of_a_clock_that_was_set_back_fires() -> None:
    assert open_after(at(60), at(65, fires=False), at(10))


@pytest.mark.parametrize("back", [30, 60, 90, 300, 24 * 60])
@pytest.mark.parametrize("source", ["/mon", None])
def test_it_is_cleared_by_the_next_resolution_of_the_same_clock_and_fires_again(back: float, source: Any) -> None:
    house = House(alerts=CALM)
    first = [at(60, source=source), at(65, fires=False, source=source)]
    assert not open_after(*first, house=house)
    assert open_after(at(66 - back, source=source), house=house)
    assert open_after(at(68 - back, source=source), house=house)
    assert not open_after(at(70 - back, fires=False, source=source), house=house)
    assert open_after(at(71 - back, source=source), house=house)
    assert not open_after(at(75 - back, fires=False, source=source), house=house)


def test_what_fires_while_the_clock_is_set_back_is_cleared_by_it() -> None:
    assert not open_after(at(60), at(64), at(5, fires=False))
    assert not open_after(at(60), at(64), at(4), at(5, fires=False))


@pytest.mark.parametrize("minutes", [5, 30, 58])
def test_it_counts_that_time_goes_by_between_two_messages(minutes: float) -> None:
    house = House(at=NOW, alerts=CALM)
    assert not open_after(at(55), at(60, fires=False), house=house)
    house.unit_of_work.clock.advance(minutes * MINUTE)  # type: ignore[attr-defined]
    # An hour back, so that it lies near the resolution although it is said much later.
    assert open_after(at(minutes), house=house)


def test_what_a_clock_that_was_set_back_opens_is_opened_now_and_ends_when_it_is_said() -> None:
    house = House(at=NOW, alerts=CALM)
    open_after(at(50), at(55, fires=False), at(0), house=house)
    opened = house.incident("INC0000002")
    assert (opened.opened_at, opened.state) == (NOW, State.NEW)
    (note,) = house.rows("notes").values()
    assert note["text"].startswith("Its sender dated it 2026-03-02T08:00:00.000Z.")
    house.unit_of_work.clock.advance(7 * MINUTE)  # type: ignore[attr-defined]
    open_after(at(7, fires=False), house=house)
    assert house.incident("INC0000002").resolved_at == NOW + 7 * MINUTE


LATE = [(61, 65), (60, 65), (64.9, 65), (59.2, 65), (50, 65), (46, 65)]


@pytest.mark.parametrize(("late", "resolved"), LATE)
def test_a_copy_that_comes_late_is_none(late: float, resolved: float) -> None:
    house = House(alerts=CALM)
    assert not open_after(at(60), at(resolved, fires=False), at(late, severity="error"), house=house)
    assert len(house.incidents()) == 1


def test_copies_of_what_was_before_the_clock_was_set_back_change_nothing() -> None:
    house = House(alerts=CALM)
    assert open_after(at(60), at(65, fires=False), at(10), house=house)
    assert open_after(at(65.03, fires=False), at(60.02), house=house)
    assert len(house.incidents()) == 2
    assert not open_after(at(12, fires=False), house=house)
    assert not open_after(at(60.02), house=house)


def test_a_clock_that_was_put_right_again_clears() -> None:
    assert not open_after(at(60), at(65, fires=False), at(10), at(70, fires=False))


def test_an_old_resolution_of_the_other_of_a_pair_does_not_end_what_fires_anew() -> None:
    messages = [at(0), at(20, fires=False), at(55)]
    assert open_after(*messages, at(20.03, fires=False))


moves = st.lists(
    st.tuples(
        st.integers(1, 40),
        st.sampled_from([0, 0, 0, 30, 60, 61, 120, 600, -60]),
        st.sampled_from([0, 1, 20]),
        st.booleans(),
    ),
    max_size=6,
)
"""Episodes: minutes before each, minutes by which its clock is set back, seconds between a pair, which copy first."""


@settings(max_examples=60, deadline=None)
@given(moves=moves, source=st.sampled_from(["/mon", None]))
def test_what_holds_is_what_was_said_last_whatever_the_clock_and_late_copies_say(
    moves: list[tuple[int, int, int, bool]], source: str | None
) -> None:
    house = House(at=NOW, alerts=CALM)
    now, clock = NOW, NOW
    last: tuple[datetime, datetime] | None = None
    for pause, back, apart, turned in moves:
        now, clock = now + pause * MINUTE, min(now + pause * MINUTE, clock + (pause - back) * MINUTE)
        # Said within what has just cleared it could not be told from a copy of that.
        clock = min(clock, last[0] - 2 * MINUTE) if last and last[0] - MINUTE <= clock <= last[1] else clock
        fire, end, pair = clock, clock + 2 * MINUTE, timedelta(seconds=apart)
        _tell(house, now, True, fire, source)
        assert _is_open(house)
        _tell(house, now + MINUTE, True, fire - pair, source)
        now, clock, last = now + 2 * MINUTE, end, (fire, end)
        _tell(house, now, False, end, source)
        assert not _is_open(house)
        for fires in (turned, not turned):
            _tell(house, now, fires, fire - pair if fires else end + pair, source)
        assert not _is_open(house)
    assert len(house.incidents()) == len(moves)


def _tell(house: House, now: datetime, fires: bool, when: datetime, source: str | None) -> None:
    clock = house.unit_of_work.clock
    clock.advance(now - clock.now())  # type: ignore[attr-defined]
    id = f"{len(house.rows('occurrences'))}"
    assert not house.tell(replace(make_alert(id, fires=fires, source=source), time=when)).rejected


def _is_open(house: House) -> bool:
    return any(incident.state is not State.RESOLVED for incident in house.incidents().values())


def test_a_clock_set_back_into_a_long_episode_that_is_over_hides_nothing_new() -> None:
    for dated in (90, 95, 100):
        house = House(at=NOW - 60 * MINUTE, alerts=CALM)
        for pause, message in ((0, at(0)), (125, at(125, fires=False)), (25, at(dated))):
            house.unit_of_work.clock.advance(pause * MINUTE)  # type: ignore[attr-defined]
            house.tell(message)
        assert len(house.incidents()) == 2, dated
        assert _is_open(house), dated


@pytest.mark.parametrize("dated", [-0.5, 0, 0.5, 60, 60.9])
def test_a_copy_of_what_was_said_in_a_long_episode_is_none_however_late_it_comes(dated: float) -> None:
    house = House(at=NOW + 48 * 60 * MINUTE, alerts=CALM)
    assert not open_after(at(0), at(60), at(40 * 60, fires=False), at(dated), house=house)


@pytest.mark.parametrize("source", ["/mon", None])
def test_what_fires_in_the_second_of_its_resolution_and_comes_behind_it_fires(source: Any) -> None:
    house = House(at=NOW, alerts=CALM)
    assert open_after(at(0), at(0.1, fires=False, source=source), at(0.1), house=house)
    assert not open_after(at(1, fires=False), house=house)


def test_a_copy_of_a_firing_that_was_resolved_in_the_same_second_is_none() -> None:
    assert not open_after(at(0), at(0, fires=False), at(0, severity="error"))
