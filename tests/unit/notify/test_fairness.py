from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.domain.fairness import (
    FAILING_AFTER,
    LONG,
    LONGEST_ASKED,
    LONGEST_PAUSE,
    Admission,
    Attempting,
    Places,
    Receiver,
    Traffic,
)
from services.notify.domain.outcome import Origin, Outcome, Result
from services.notify.domain.rules import Channel
from shared.envelope import Lane
from shared.testing import make_instant
from tests.unit.notify.factories import DOUBTFUL, PERMANENT, RETRY, SENT

NOW = make_instant()
AWAY = Result(outcome=Outcome.RETRY, origin=Origin.SERVER)
OURS = Result(outcome=Outcome.PERMANENT, origin=Origin.NOBODY)


def make_receiver(recipient: str = "network", channel: Channel = Channel.EMAIL) -> Receiver:
    return Receiver(channel=channel, recipient=recipient)


def asking(seconds: int) -> Result:
    return Result(outcome=Outcome.RETRY, status=503, retry_after=timedelta(seconds=seconds))


def make_attempt(recipient: str = "network", lane: Lane = Lane.NORMAL, age: timedelta = timedelta()) -> Attempting:
    return Attempting(receiver=make_receiver(recipient), lane=lane, started_at=NOW - age)


def after(*results: Result, took: timedelta = timedelta()) -> Traffic:
    """Attempts one after the other, each ending NOW."""
    traffic = Traffic(places=Places.of(10))
    for number, result in enumerate(results):
        traffic = traffic.begun(str(number), make_attempt(age=took)).ended(str(number), result, NOW)
    return traffic


def going(traffic: Traffic, *attempts: Attempting) -> Traffic:
    for number, attempt in enumerate(attempts):
        traffic = traffic.begun(f"going {number}", attempt)
    return traffic


def test_one_refusal_is_about_a_message_and_not_about_its_receiver() -> None:
    traffic = after(*[RETRY] * (FAILING_AFTER - 1))
    assert traffic.admit(make_receiver(), Lane.NORMAL, NOW) is Admission.ADMITTED


def test_a_failing_receiver_is_left_alone_for_longer_each_time_and_then_tried_by_one() -> None:
    pauses = []
    for failures in range(FAILING_AFTER, FAILING_AFTER + 12):
        traffic = after(*[RETRY] * failures)
        health = traffic.health[make_receiver()]
        assert traffic.admit(make_receiver(), Lane.URGENT, NOW) is Admission.RECEIVER_PAUSED
        assert health.quiet_until is not None
        later = health.quiet_until
        assert traffic.admit(make_receiver(), Lane.URGENT, later) is Admission.ADMITTED
        trial = Attempting(receiver=make_receiver(), lane=Lane.NORMAL, started_at=later)
        assert going(traffic, trial).admit(make_receiver(), Lane.URGENT, later) is Admission.RECEIVER_BUSY
        pauses.append(later - NOW)
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE


def test_attempts_that_fail_side_by_side_are_one_failure() -> None:
    traffic = going(Traffic(places=Places.of(100)), *[make_attempt(age=LONG / 2)] * 20)
    for number in range(20):
        traffic = traffic.ended(f"going {number}", AWAY, NOW)
    assert traffic.admit(make_receiver(), Lane.NORMAL, NOW) is Admission.ADMITTED
    assert traffic.health[make_receiver().server].failures == 1


@pytest.mark.parametrize("result", [SENT, PERMANENT])
def test_a_receiver_that_answers_is_well_again(result: Result) -> None:
    assert after(RETRY, RETRY, RETRY, RETRY, result).health == {}


def test_a_receiver_that_asks_for_time_is_left_alone_at_once_and_an_attempt_that_ends_later_does_not_change_that() -> (
    None
):
    traffic = going(after(asking(300)), make_attempt()).ended("going 0", SENT, NOW)
    assert traffic.admit(make_receiver(), Lane.URGENT, NOW + timedelta(minutes=4)) is Admission.RECEIVER_PAUSED
    assert traffic.admit(make_receiver(), Lane.URGENT, NOW + timedelta(minutes=5)) is Admission.ADMITTED
    assert list(traffic.ailing(NOW)) == [make_receiver()]
    assert list(traffic.ailing(NOW + timedelta(minutes=5))) == []


def test_a_receiver_that_asks_for_days_is_asked_again_after_an_hour() -> None:
    assert after(asking(86_400)).admit(make_receiver(), Lane.NORMAL, NOW + LONGEST_ASKED) is Admission.ADMITTED


def test_a_mail_server_that_is_away_is_tried_by_one_mail_whoever_it_is_for() -> None:
    traffic = after(*[AWAY] * FAILING_AFTER)
    other = make_receiver("manager")
    assert traffic.admit(other, Lane.URGENT, NOW) is Admission.SERVER_PAUSED
    later = NOW + LONGEST_PAUSE
    trial = Attempting(receiver=make_receiver(), lane=Lane.NORMAL, started_at=later)
    assert going(traffic, trial).admit(other, Lane.URGENT, later) is Admission.SERVER_BUSY
    webhook = make_receiver("chat", Channel.WEBHOOK)
    assert traffic.admit(webhook, Lane.NORMAL, NOW) is Admission.ADMITTED
    traffic = going(traffic, make_attempt()).ended("going 0", SENT, NOW)
    assert traffic.admit(other, Lane.NORMAL, NOW) is Admission.ADMITTED


@pytest.mark.parametrize("result", [OURS, DOUBTFUL])
def test_what_never_came_to_an_answer_says_nothing_of_a_server_that_is_away(result: Result) -> None:
    traffic = after(*[AWAY] * FAILING_AFTER, result)
    assert traffic.admit(make_receiver("manager"), Lane.URGENT, NOW) is Admission.SERVER_PAUSED


@pytest.mark.parametrize("result", [SENT, DOUBTFUL])
def test_a_slow_receiver_has_one_place(result: Result) -> None:
    traffic = after(result, took=LONG * 2)
    assert going(traffic, make_attempt()).admit(make_receiver(), Lane.URGENT, NOW) is Admission.RECEIVER_BUSY


def test_what_is_urgent_goes_beside_attempts_that_hang_but_one_at_a_time() -> None:
    hanging = going(Traffic(places=Places.of(10)), *[make_attempt(age=LONG * 2)] * 5)
    assert hanging.admit(make_receiver(), Lane.NORMAL, NOW) is Admission.RECEIVER_BUSY
    assert hanging.admit(make_receiver(), Lane.URGENT, NOW) is Admission.ADMITTED
    beside = hanging.begun("P1", make_attempt(lane=Lane.URGENT, age=LONG * 2))
    assert beside.admit(make_receiver(), Lane.URGENT, NOW) is Admission.RECEIVER_BUSY


def test_what_is_urgent_goes_beside_the_trial_of_a_failing_server_that_hangs() -> None:
    traffic = after(*[AWAY] * FAILING_AFTER).begun("trial", make_attempt())
    later = NOW + LONGEST_PAUSE
    assert traffic.admit(make_receiver("manager"), Lane.NORMAL, later) is Admission.SERVER_BUSY
    assert traffic.admit(make_receiver("manager"), Lane.URGENT, later) is Admission.ADMITTED


def test_an_attempt_that_takes_long_gives_its_place_back() -> None:
    places = Places.of(4)
    traffic = going(Traffic(places=places), *[make_attempt(str(number)) for number in range(4)])
    assert traffic.admit(make_receiver(), Lane.URGENT, NOW) is Admission.NO_PLACE
    assert traffic.admit(make_receiver(), Lane.NORMAL, NOW + LONG * 2) is Admission.ADMITTED


def test_places_are_kept_for_the_urgent_lane() -> None:
    traffic = going(Traffic(places=Places.of(4)), *[make_attempt(str(number)) for number in range(3)])
    assert traffic.admit(make_receiver(), Lane.NORMAL, NOW) is Admission.NO_PLACE
    assert traffic.admit(make_receiver(), Lane.URGENT, NOW) is Admission.ADMITTED


def test_a_silent_mail_server_leaves_room_for_webhooks() -> None:
    places = Places.of(10)
    traffic = Traffic(places=places)
    while (
        traffic.admit(receiver := make_receiver(str(len(traffic.attempting))), Lane.URGENT, NOW) is Admission.ADMITTED
    ):
        traffic = traffic.begun(
            str(len(traffic.attempting)), Attempting(receiver=receiver, lane=0, started_at=NOW - LONG * 2)
        )
    assert traffic.admit(receiver, Lane.URGENT, NOW) is Admission.CHANNEL_FULL
    assert len(traffic.attempting) == places.in_all // 2
    assert traffic.admit(make_receiver("chat", Channel.WEBHOOK), Lane.BULK, NOW) is Admission.ADMITTED


RESULTS = st.sampled_from([SENT, RETRY, PERMANENT, DOUBTFUL, AWAY, OURS, asking(20)])
STEPS = st.lists(
    st.tuples(st.integers(0, 11), st.sampled_from(sorted(Lane)), st.integers(0, 5_000), st.none() | RESULTS),
    max_size=150,
)


@given(st.integers(1, 12), STEPS)
def test_whatever_receivers_do_places_hold_and_nobody_is_shut_out_for_longer_than_a_minute(
    total: int, steps: list[tuple[int, Lane, int, Result | None]]
) -> None:
    places, now = Places.of(total), NOW
    traffic = Traffic(places=places)
    for number, (recipient, lane, milliseconds, result) in enumerate(steps):
        now += timedelta(milliseconds=milliseconds)
        receiver = make_receiver(str(recipient))
        if result is not None and traffic.attempting:
            traffic = traffic.ended(next(iter(traffic.attempting)), result, now)
        if traffic.admit(receiver, lane, now) is Admission.ADMITTED:
            traffic = traffic.begun(str(number), Attempting(receiver=receiver, lane=lane, started_at=now))
        short = [attempt for attempt in traffic.attempting.values() if not attempt.is_long(now)]
        assert len(short) <= places.total
        assert len(traffic.attempting) <= places.in_all
        assert sum(attempt.lane != Lane.URGENT for attempt in short) <= places.total - places.urgent
        for attempt in traffic.attempting.values():
            assert sum(other.receiver == attempt.receiver for other in traffic.attempting.values()) <= places.each + 1
    for key in list(traffic.attempting):
        traffic = traffic.dropped(key)
    for recipient in range(12):
        admission = traffic.admit(make_receiver(str(recipient)), Lane.BULK, now + LONGEST_PAUSE)
        assert admission is Admission.ADMITTED
