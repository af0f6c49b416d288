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
    MOST_INTERRUPTED,
    TRANSITIONS,
    Action,
    Attempt,
    Delivery,
    State,
    Step,
    cancel,
    plan_delivery,
    resend,
    settle,
)
from services.notify.domain.outcome import Outcome, Result
from services.notify.domain.patience import DOUBTFUL_PAUSES, Patience
from shared.errors import NotAllowed
from shared.storage import from_document, to_document
from shared.testing import make_instant
from tests.unit.notify.factories import DOUBTFUL, PATIENCE, PERMANENT, RETRY, SENT, make_delivery

NOW = make_instant()
ENDED = frozenset(State) - {State.PLANNED, State.DOUBTFUL}
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
    delivery = make_delivery()
    for _ in range(MOST_INTERRUPTED):
        assert delivery.state is State.PLANNED
        delivery, (event,) = settle(delivery, INTERRUPTED, NOW, PATIENCE)
    assert (delivery.state, delivery.next_attempt_at, event.type) == (State.FAILED, None, events.FAILED)


def test_a_cancelled_delivery_that_was_on_its_way_is_said_to_be_sent() -> None:
    delivery, (event,) = settle(make_delivery(state=State.CANCELLED, next_attempt_at=None), SENT, NOW, PATIENCE)
    assert (delivery.state, event.type) == (State.SENT, events.SENT)


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


def test_the_last_attempt_is_made_when_patience_ends_and_then_the_delivery_is_given_up() -> None:
    almost = NOW + PATIENCE.keep_trying - timedelta(minutes=1)
    delivery, _ = settle(make_delivery(tried=7), RETRY, almost, PATIENCE)
    assert delivery.next_attempt_at == NOW + PATIENCE.keep_trying
    delivery, (event,) = settle(delivery, RETRY, delivery.next_attempt_at, PATIENCE)
    assert (delivery.state, event.type) == (State.FAILED, events.FAILED)


def test_a_bound_of_attempts_holds_where_one_is_set() -> None:
    delivery, _ = settle(make_delivery(tried=2), RETRY, NOW, replace(PATIENCE, max_attempts=3))
    assert delivery.state is State.FAILED


@pytest.mark.parametrize(("asked", "waits"), [(5, 5), (0, 1), (7200, 7200), (10**9, 86_400)])
def test_a_receiver_that_asks_for_time_gets_it_up_to_a_day(asked: int, waits: int) -> None:
    result = Result(outcome=Outcome.RETRY, status=429, retry_after=timedelta(seconds=asked))
    delivery, _ = settle(make_delivery(), result, NOW, PATIENCE)
    assert delivery.next_attempt_at == NOW + timedelta(seconds=waits)


def test_a_delivery_whose_answer_is_lost_is_doubtful_and_tried_again_rarely_and_never_called_failed() -> None:
    now, (delivery, _) = NOW, plan_delivery(make_delivery(), NOW)
    pauses = []
    while delivery.next_attempt_at is not None:
        now = delivery.next_attempt_at
        delivery, (event,) = settle(delivery, DOUBTFUL, now, PATIENCE)
        assert (delivery.state, event.type) == (State.DOUBTFUL, events.DOUBTFUL)
        pauses.append(None if delivery.next_attempt_at is None else delivery.next_attempt_at - now)
    assert pauses == [*DOUBTFUL_PAUSES, None]


def test_a_doubtful_delivery_that_a_server_takes_is_sent() -> None:
    delivery, _ = settle(make_delivery(), DOUBTFUL, NOW, PATIENCE)
    delivery, (event,) = settle(delivery, SENT, NOW, PATIENCE)
    assert (delivery.state, event.type) == (State.SENT, events.SENT)


def test_a_no_to_the_copy_of_a_doubtful_delivery_leaves_it_doubtful_for_a_person() -> None:
    delivery, _ = settle(make_delivery(), DOUBTFUL, NOW, PATIENCE)
    delivery, (event,) = settle(delivery, PERMANENT, NOW, PATIENCE)
    assert (delivery.state, delivery.next_attempt_at, event.type) == (State.DOUBTFUL, None, events.DOUBTFUL)


def test_a_doubtful_delivery_that_finds_its_server_away_stays_doubtful_and_waits_as_long_as_before() -> None:
    delivery, _ = settle(make_delivery(), DOUBTFUL, NOW, PATIENCE)
    delivery, (event,) = settle(delivery, RETRY, NOW, PATIENCE)
    assert (delivery.state, event.type) == (State.DOUBTFUL, events.DEFERRED)
    assert delivery.next_attempt_at == NOW + DOUBTFUL_PAUSES[0]


def test_of_many_attempts_the_latest_are_held_and_all_are_counted() -> None:
    delivery = make_delivery()
    for minute in range(100):
        delivery, _ = settle(delivery, RETRY, NOW + timedelta(minutes=minute), PATIENCE)
    assert (len(delivery.attempts), delivery.attempts_total) == (ATTEMPTS_KEPT, 100)
    assert delivery.attempts[-1].at == NOW + timedelta(minutes=99)


def test_attempts_from_before_they_were_counted_count() -> None:
    attempt = Attempt(at=NOW, outcome=Outcome.RETRY)
    delivery, _ = settle(make_delivery(attempts=(attempt,) * 3), RETRY, NOW, PATIENCE)
    assert delivery.attempts_total == 4


@pytest.mark.parametrize("state", sorted(State))
def test_only_a_delivery_that_has_ended_or_is_doubtful_is_sent_again(state: State) -> None:
    delivery = make_delivery(state=state, tried=8, attempts=(Attempt(at=NOW, outcome=Outcome.RETRY),))
    if state not in (State.SENT, State.FAILED, State.DOUBTFUL):
        with pytest.raises(NotAllowed):
            resend(delivery, NOW)
        return
    again, (event,) = resend(delivery, NOW)
    assert (again.state, again.tried, again.tried_since, again.next_attempt_at) == (State.PLANNED, 0, NOW, NOW)
    assert again.attempts == delivery.attempts
    assert (event.type, event.change) == (events.REQUEUED, {"state_from": state.value})


@pytest.mark.parametrize("state", sorted(State))
def test_only_a_waiting_delivery_is_cancelled(state: State) -> None:
    delivery = make_delivery(state=state)
    if state not in (State.PLANNED, State.DOUBTFUL):
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


ACTIONS = st.sampled_from(["sent", "retry", "retry", "doubtful", "interrupted", "permanent", "resend", "cancel"])


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
        if delivery.state is not State.DOUBTFUL:
            assert (delivery.next_attempt_at is None) == (delivery.state in ENDED)
        assert 0 <= delivery.doubts <= delivery.tried <= delivery.attempts_total
        assert (before.attempts + delivery.attempts[-1:])[-ATTEMPTS_KEPT:] == delivery.attempts or (
            delivery.attempts == before.attempts
        )
        if delivery.state is State.FAILED and action != "permanent":
            assert delivery.doubts == 0
        assert any((before.state, one) in TRANSITIONS for one in Action)
        assert delivery.state in {TRANSITIONS.get((before.state, one)) for one in Action}
        if delivery.state is State.SENT:
            assert delivery.attempts[-1].outcome is Outcome.SENT
        assert (delivery.content, delivery.event, delivery.recipient) == (
            before.content,
            before.event,
            before.recipient,
        )


@given(st.integers(1, 200), st.integers(0, 3600))
def test_a_receiver_that_is_always_away_is_tried_until_patience_ends(hours: int, late: int) -> None:
    patience = replace(PATIENCE, keep_trying=timedelta(hours=hours))
    now, (delivery, _) = NOW, plan_delivery(make_delivery(), NOW)
    while delivery.next_attempt_at is not None:
        due_at = delivery.next_attempt_at
        assert due_at <= NOW + patience.keep_trying or due_at <= now + patience.pauses[-1]
        now = due_at + timedelta(seconds=late)
        delivery, _ = settle(delivery, RETRY, now, patience)
    assert delivery.state is State.FAILED
    assert now >= NOW + patience.keep_trying
    assert now < NOW + patience.keep_trying + patience.pauses[-1] + timedelta(seconds=2 * late)


def test_patience_repeats_its_last_step() -> None:
    patience = Patience(pauses=(timedelta(seconds=1),), keep_trying=timedelta(days=1))
    assert [patience.pause(tried) for tried in (1, 2, 9)] == [timedelta(seconds=1)] * 3
