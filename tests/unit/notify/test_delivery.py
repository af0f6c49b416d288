from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import bson
import pytest
from bson.codec_options import CodecOptions
from hypothesis import given
from hypothesis import strategies as st

from services.notify import events
from services.notify.domain.delivery import (
    ATTEMPTS_KEPT,
    TRANSITIONS,
    Action,
    Attempt,
    Delivery,
    Patience,
    State,
    Step,
    cancel,
    count_attempts,
    plan_delivery,
    resend,
    settle,
)
from services.notify.domain.outcome import Outcome, Result
from shared.errors import NotAllowed
from shared.retry import LADDER
from shared.storage import from_document, to_document
from shared.testing import make_instant
from tests.unit.notify.factories import PATIENCE, PERMANENT, RETRY, SENT, make_delivery

NOW = make_instant()
ENDED = frozenset(State) - {State.PLANNED}
INTERRUPTED = Result(outcome=Outcome.INTERRUPTED)


def test_a_planned_delivery_is_due_at_once() -> None:
    delivery, (event,) = plan_delivery(make_delivery(next_attempt_at=None), NOW)
    assert (delivery.next_attempt_at, event.type) == (NOW, events.PLANNED)


def test_a_delivery_whose_sender_vanished_is_due_again_and_the_lost_attempt_shows() -> None:
    delivery, (event,) = settle(make_delivery(), INTERRUPTED, NOW, PATIENCE)
    assert (delivery.state, delivery.tried, delivery.next_attempt_at) == (State.PLANNED, 1, NOW)
    assert [attempt.outcome for attempt in delivery.attempts] == [Outcome.INTERRUPTED]
    assert event.type == events.DEFERRED


def test_a_delivery_whose_senders_always_vanish_is_given_up() -> None:
    delivery, (event,) = settle(make_delivery(tried=PATIENCE.max_attempts - 1), INTERRUPTED, NOW, PATIENCE)
    assert (delivery.state, delivery.next_attempt_at, event.type) == (State.FAILED, None, events.FAILED)


def test_a_cancelled_delivery_that_was_on_its_way_is_said_to_be_sent() -> None:
    delivery, (event,) = settle(make_delivery(state=State.CANCELLED, next_attempt_at=None), SENT, NOW, PATIENCE)
    assert (delivery.state, event.type) == (State.SENT, events.SENT)


def test_a_delivery_that_is_sent_again_and_again_keeps_its_latest_attempts_and_counts_them_all() -> None:
    delivery = make_delivery()
    for number in range(ATTEMPTS_KEPT + 30):
        delivery, _ = settle(delivery, replace(SENT, status=number), NOW, PATIENCE)
        delivery, _ = resend(delivery, NOW)
    assert [one.status for one in delivery.attempts] == list(range(30, ATTEMPTS_KEPT + 30))
    assert (count_attempts(delivery), delivery.attempts_total) == (ATTEMPTS_KEPT + 30, ATTEMPTS_KEPT + 30)


def test_attempts_from_before_they_were_counted_count() -> None:
    attempt = Attempt(at=NOW, outcome=Outcome.RETRY)
    delivery, _ = settle(make_delivery(attempts=(attempt,) * 3), RETRY, NOW, PATIENCE)
    assert delivery.attempts_total == 4


def test_success_ends_the_delivery() -> None:
    delivery, (event,) = settle(make_delivery(), SENT, NOW, PATIENCE)
    assert (delivery.state, delivery.next_attempt_at, event.type) == (State.SENT, None, events.SENT)
    assert delivery.attempts == (Attempt(at=NOW, outcome=Outcome.SENT, status=250),)


def test_a_permanent_refusal_fails_at_the_first_attempt() -> None:
    delivery, (event,) = settle(make_delivery(), PERMANENT, NOW, PATIENCE)
    assert (delivery.state, event.type, event.change["status"]) == (State.FAILED, events.FAILED, 550)


@pytest.mark.parametrize(("tried", "seconds"), [(1, 1), (2, 10), (3, 60), (4, 600), (5, 600), (6, 600), (7, 600)])
def test_the_pauses_climb_the_ladder_and_stay_on_its_last_step(tried: int, seconds: int) -> None:
    delivery, (event,) = settle(make_delivery(tried=tried - 1), RETRY, NOW, PATIENCE)
    assert (delivery.state, event.type) == (State.PLANNED, events.DEFERRED)
    assert delivery.next_attempt_at == NOW + timedelta(seconds=seconds)


def test_the_last_attempt_that_fails_gives_the_delivery_up() -> None:
    delivery, (event,) = settle(make_delivery(tried=7), RETRY, NOW, PATIENCE)
    assert (delivery.state, event.type) == (State.FAILED, events.FAILED)


@pytest.mark.parametrize("state", sorted(State))
def test_only_a_sent_or_failed_delivery_is_sent_again(state: State) -> None:
    delivery = make_delivery(state=state, tried=8, attempts=(Attempt(at=NOW, outcome=Outcome.RETRY),))
    if state not in (State.SENT, State.FAILED):
        with pytest.raises(NotAllowed):
            resend(delivery, NOW)
        return
    again, (event,) = resend(delivery, NOW)
    assert (again.state, again.tried, again.next_attempt_at) == (State.PLANNED, 0, NOW)
    assert again.attempts == delivery.attempts
    assert (event.type, event.change) == (events.REQUEUED, {"state_from": state.value})


@pytest.mark.parametrize("state", sorted(State))
def test_only_a_waiting_delivery_is_cancelled(state: State) -> None:
    delivery = make_delivery(state=state)
    if state is not State.PLANNED:
        with pytest.raises(NotAllowed):
            cancel(delivery, "moot", NOW)
        return
    stopped, (event,) = cancel(delivery, "moot", NOW)
    assert (stopped.state, stopped.next_attempt_at, event.change) == (State.CANCELLED, None, {"reason": "moot"})


def test_a_delivery_survives_its_way_into_a_document_and_back() -> None:
    delivery, _ = settle(make_delivery(), RETRY, NOW, PATIENCE)
    written = bson.decode(bson.encode(to_document(delivery)), codec_options=CodecOptions(tz_aware=True))
    assert from_document(Delivery, written) == delivery
    assert written["attempts"][0]["outcome"] == "retry"


def act(delivery: Delivery, action: str, now: object) -> Step:
    match action:
        case "resend":
            return resend(delivery, now)  # type: ignore[arg-type]
        case "cancel":
            return cancel(delivery, "moot", now)  # type: ignore[arg-type]
        case _:
            return settle(delivery, Result(outcome=Outcome(action)), now, PATIENCE)  # type: ignore[arg-type]


ACTIONS = st.sampled_from(["sent", "retry", "retry", "interrupted", "permanent", "resend", "cancel"])


@given(st.lists(st.tuples(ACTIONS, st.integers(0, 700)), max_size=40))
def test_whatever_happens_a_delivery_keeps_its_promises(steps: list[tuple[str, int]]) -> None:
    now, (delivery, _) = NOW, plan_delivery(make_delivery(), NOW)
    for action, seconds in steps:
        now += timedelta(seconds=seconds)
        before = delivery
        try:
            delivery, happened = act(before, action, now)
        except NotAllowed:
            continue
        assert len(happened) == 1
        assert (delivery.next_attempt_at is None) == (delivery.state in ENDED)
        assert 0 <= delivery.tried <= PATIENCE.max_attempts
        assert delivery.attempts[: len(before.attempts)] == before.attempts
        assert any((before.state, one) in TRANSITIONS for one in Action)
        assert delivery.state in {TRANSITIONS.get((before.state, one)) for one in Action}
        if delivery.state is State.SENT:
            assert delivery.attempts[-1].outcome is Outcome.SENT
        assert (delivery.content, delivery.event, delivery.recipient) == (
            before.content,
            before.event,
            before.recipient,
        )


@given(st.integers(1, 20), st.integers(0, 3600))
def test_a_receiver_that_is_always_away_is_tried_exactly_as_often_as_said(attempts: int, late: int) -> None:
    patience = replace(PATIENCE, max_attempts=attempts)
    now, (delivery, _) = NOW, plan_delivery(make_delivery(), NOW)
    pauses = []
    while delivery.next_attempt_at is not None:
        now = delivery.next_attempt_at + timedelta(seconds=late)
        delivery, _ = settle(delivery, RETRY, now, patience)
        if delivery.next_attempt_at is not None:
            pauses.append(delivery.next_attempt_at - now)
    assert delivery.state is State.FAILED
    assert len(delivery.attempts) == attempts
    assert pauses == [LADDER[min(index, len(LADDER) - 1)] for index in range(attempts - 1)]


def test_patience_repeats_its_last_step() -> None:
    patience = Patience(steps=(timedelta(seconds=1),), max_attempts=3, lease=timedelta(seconds=5))
    assert [patience.pause(tried) for tried in (1, 2, 9)] == [timedelta(seconds=1)] * 3
