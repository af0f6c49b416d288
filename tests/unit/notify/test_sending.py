from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest

from services.notify import handlers
from shared.envelope import Lane
from shared.errors import Conflict
from shared.testing import published
from tests.unit.notify.factories import (
    PATIENCE,
    PERMANENT,
    RETRY,
    SENT,
    Crash,
    NotifyInMemory,
    ScriptedSender,
    make_event,
    one_by_one,
)


def planned(*script: Any) -> NotifyInMemory:
    notify = NotifyInMemory(sender=ScriptedSender(*script))
    notify.take(make_event())
    return notify


def types(notify: NotifyInMemory) -> list[str]:
    return [event.type.removeprefix("notification.") for event in published(notify.store)]


def test_a_due_delivery_is_sent_once() -> None:
    notify = planned()
    notify.send()
    notify.send()
    assert notify.stored()["state"] == "sent"
    assert len(notify.sender.handed) == 1
    assert types(notify) == ["planned", "sent"]


def test_the_versions_of_a_delivery_have_no_gap() -> None:
    notify = planned(RETRY, PERMANENT)
    notify.send()
    notify.clock.advance(timedelta(seconds=1))
    notify.send()
    assert [event.sequence for event in published(notify.store)] == [1, 2, 3]
    assert types(notify) == ["planned", "deferred", "failed"]
    assert notify.stored()["audit"]["count"] == 3


def test_nothing_is_tried_before_its_pause_is_over() -> None:
    notify = planned(RETRY)
    notify.send()
    notify.clock.advance(timedelta(milliseconds=999))
    assert notify.send() == []
    notify.clock.advance(timedelta(milliseconds=1))
    assert len(notify.send()) == 1


def test_a_crash_between_sending_and_its_record_sends_again_under_the_same_key() -> None:
    notify = planned(Crash())
    with pytest.raises(Crash):
        notify.send()
    assert notify.send(token=2) == []
    notify.clock.advance(PATIENCE.lease)
    notify.send(token=2)
    (first, before), (second, after) = notify.sender.handed
    assert (first, before.content, before.planned_at) == (second, after.content, after.planned_at)
    assert notify.stored()["state"] == "sent"
    assert [one["outcome"] for one in notify.stored()["attempts"]] == ["interrupted", "sent"]


def test_a_delivery_that_ends_every_process_is_given_up() -> None:
    notify = planned(*[Crash() for _ in range(PATIENCE.max_attempts)])
    for token in range(1, PATIENCE.max_attempts + 1):
        with pytest.raises(Crash):
            notify.send(token=token)
        notify.clock.advance(PATIENCE.lease)
    assert notify.send(token=PATIENCE.max_attempts + 1) == []
    assert notify.stored()["state"] == "failed"
    assert len(notify.sender.handed) == PATIENCE.max_attempts


def test_what_a_vanished_sender_had_in_hand_holds_up_no_other() -> None:
    notify = planned(Crash())
    with pytest.raises(Crash):
        notify.send()
    notify.take(make_event(id="another"))
    assert len(notify.send(token=2)) == 1
    assert sorted(row["state"] for row in notify.rows()) == ["planned", "sent"]


def test_a_round_that_is_over_leaves_nothing_to_wait_for() -> None:
    notify = NotifyInMemory()
    notify.take(make_event(id="1"))
    notify.send(token=1)
    notify.take(make_event(id="2"))
    assert len(notify.send(token=2)) == 1


def test_a_slow_sender_that_succeeded_is_believed_although_its_round_is_over() -> None:
    notify = planned()
    (slow,) = take_up(notify, token=1)
    notify.clock.advance(PATIENCE.lease)
    (fast,) = take_up(notify, token=2)
    settle(notify, slow, SENT)
    settle(notify, fast, RETRY)
    assert notify.stored()["state"] == "sent"
    assert types(notify).count("sent") == 1


def test_a_slow_sender_that_failed_is_ignored_when_its_round_is_over() -> None:
    notify = planned()
    (slow,) = take_up(notify, token=1)
    notify.clock.advance(PATIENCE.lease)
    (fast,) = take_up(notify, token=2)
    settle(notify, slow, PERMANENT)
    assert notify.stored()["state"] == "planned"
    settle(notify, fast, SENT)
    assert notify.stored()["state"] == "sent"


def test_a_delivery_that_is_cancelled_on_its_way_and_arrives_is_said_to_be_sent() -> None:
    notify = planned()
    (taken,) = take_up(notify, token=1)
    notify.command(handlers.cancel, {"reason": "moot"}, number=taken.key)
    settle(notify, taken, SENT)
    assert notify.stored()["state"] == "sent"
    assert types(notify) == ["planned", "cancelled", "sent"]


def test_a_delivery_that_is_cancelled_on_its_way_and_fails_stays_cancelled() -> None:
    notify = planned()
    (taken,) = take_up(notify, token=1)
    notify.command(handlers.cancel, {"reason": "moot"}, number=taken.key)
    settle(notify, taken, RETRY)
    assert notify.stored()["state"] == "cancelled"


def test_urgent_deliveries_go_first_whatever_their_age() -> None:
    notify = NotifyInMemory()
    for number, lane in enumerate([Lane.BULK, Lane.NORMAL, Lane.URGENT]):
        notify.take(make_event(id=str(number), lane=lane))
        notify.clock.advance(timedelta(seconds=1))
    notify.send(limit=2)
    assert [delivery.event for _, delivery in notify.sender.handed] == ["2", "1", "0"]


def test_a_long_backlog_is_left_after_a_while_for_what_is_urgent() -> None:
    notify = NotifyInMemory()
    notify.take(*(make_event(id=str(number)) for number in range(13)))

    def slowly(send: Any, taken: Sequence[Any], places: int, go: Any) -> Iterator[list[Any]]:
        for index, ended in enumerate(one_by_one(send, taken, places, go)):
            notify.clock.advance(timedelta(seconds=index == 9))
            yield ended

    assert len(notify.send(limit=2, concurrently=slowly)) == 10
    assert sorted(row["state"] for row in notify.rows()) == ["planned"] * 3 + ["sent"] * 10
    assert len(notify.send(token=2)) == 3


def test_a_process_that_stops_begins_no_other() -> None:
    notify = NotifyInMemory()
    notify.take(*(make_event(id=str(number)) for number in range(13)))
    assert len(notify.send(stopping=lambda: len(notify.sender.handed) >= 2)) == 2
    assert len(notify.send(token=2)) == 11


def test_outcomes_that_come_together_are_recorded_together() -> None:
    notify = NotifyInMemory()
    notify.take(*(make_event(id=str(number)) for number in range(4)))

    def at_once(send: Any, taken: Sequence[Any], _places: int, _go: Any) -> Iterator[list[Any]]:
        yield [send(one) for one in taken]

    assert len(notify.send(limit=10, concurrently=at_once)) == 4
    assert [row["state"] for row in notify.rows()] == ["sent"] * 4


def test_a_delivery_that_was_cancelled_after_the_look_is_not_taken_up() -> None:
    notify = planned()
    keys = handlers.due(notify.store, notify.clock.now(), "deliveries")
    notify.command(handlers.cancel, {"reason": "moot"}, number=keys[0])
    assert take_up(notify, token=1, keys=keys) == []


def test_a_holder_that_was_overtaken_takes_nothing_up() -> None:
    notify = planned()
    with pytest.raises(Conflict):
        take_up(notify, token=1, holder=2)
    assert notify.stored()["state"] == "planned"


def take_up(notify: NotifyInMemory, *, token: int, holder: int = 0, keys: Sequence[str] = ()) -> Any:
    notify.store.collections.setdefault("leases", {})["send"] = {"token": holder or token}
    wanted = keys or handlers.due(notify.store, notify.clock.now(), "deliveries")
    return notify.unit_of_work.run(
        lambda work: handlers.take_up(
            work, keys=wanted, deliveries=notify.deliveries, patience=PATIENCE, fence=("send", token)
        )
    )


def settle(notify: NotifyInMemory, taken: Any, result: Any) -> None:
    notify.unit_of_work.run(
        lambda work: handlers.settle(work, taken, result, deliveries=notify.deliveries, patience=PATIENCE)
    )
