from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest

from services.notify import handlers
from shared.envelope import Lane
from shared.errors import Conflict
from shared.testing import published
from shared.unit_of_work import Work
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
    assert types(notify) == ["planned", "started", "sent"]


def test_the_versions_of_a_delivery_have_no_gap() -> None:
    notify = planned(RETRY, PERMANENT)
    notify.send()
    notify.clock.advance(timedelta(seconds=1))
    notify.send()
    assert [event.sequence for event in published(notify.store)] == [1, 2, 3, 4, 5]
    assert types(notify) == ["planned", "started", "deferred", "started", "failed"]
    assert notify.stored()["audit"]["count"] == 5


def test_nothing_is_tried_before_its_pause_is_over() -> None:
    notify = planned(RETRY)
    notify.send()
    notify.clock.advance(timedelta(milliseconds=999))
    assert notify.send() == []
    notify.clock.advance(timedelta(milliseconds=1))
    assert len(notify.send()) == 1


def test_a_crash_between_claim_and_outcome_sends_again_under_the_same_key() -> None:
    notify = planned(Crash())
    with pytest.raises(Crash):
        notify.send()
    assert notify.stored()["state"] == "sending"
    assert notify.send() == []
    notify.clock.advance(PATIENCE.lease)
    notify.send()
    (first, before), (second, after) = notify.sender.handed
    assert (first, before.content, before.planned_at) == (second, after.content, after.planned_at)
    assert notify.stored()["state"] == "sent"
    assert [one["outcome"] for one in notify.stored()["attempts"]] == ["interrupted", "sent"]


def test_a_slow_sender_that_succeeded_is_believed_although_its_lease_is_over() -> None:
    notify = planned()
    (slow,) = notify.unit_of_work.run(claim(notify))
    notify.clock.advance(PATIENCE.lease)
    (fast,) = notify.unit_of_work.run(claim(notify))
    settle(notify, slow, SENT)
    settle(notify, fast, RETRY)
    assert notify.stored()["state"] == "sent"
    assert types(notify).count("sent") == 1


def test_a_slow_sender_that_failed_is_ignored_when_its_lease_is_over() -> None:
    notify = planned()
    (slow,) = notify.unit_of_work.run(claim(notify))
    notify.clock.advance(PATIENCE.lease)
    (fast,) = notify.unit_of_work.run(claim(notify))
    settle(notify, slow, PERMANENT)
    assert notify.stored()["state"] == "sending"
    settle(notify, fast, SENT)
    assert notify.stored()["state"] == "sent"


def test_urgent_deliveries_go_first_whatever_their_age() -> None:
    notify = NotifyInMemory()
    for number, lane in enumerate([Lane.BULK, Lane.NORMAL, Lane.URGENT]):
        notify.take(make_event(id=str(number), lane=lane))
        notify.clock.advance(timedelta(seconds=1))
    notify.send(limit=2)
    assert [delivery.event for _, delivery in notify.sender.handed] == ["2", "1", "0"]


def test_no_more_are_on_their_way_at_once_than_asked_for() -> None:
    notify = NotifyInMemory()
    notify.take(*(make_event(id=str(number)) for number in range(12)))
    sizes = []

    def together(send: Any, claimed: Sequence[Any], places: int) -> Iterator[list[Any]]:
        sizes.append((sum(row["state"] == "sending" for row in notify.rows()), places))
        return one_by_one(send, claimed, places)

    assert len(notify.send(limit=2, concurrently=together)) == 12
    assert sizes == [(10, 2), (2, 2)]


def test_a_long_backlog_is_left_after_a_while_for_what_is_urgent() -> None:
    notify = NotifyInMemory()
    notify.take(*(make_event(id=str(number)) for number in range(13)))

    def slowly(send: Any, claimed: Sequence[Any], places: int) -> Iterator[list[Any]]:
        notify.clock.advance(timedelta(seconds=1))
        return one_by_one(send, claimed, places)

    assert len(notify.send(limit=2, concurrently=slowly)) == 10
    assert sorted(row["state"] for row in notify.rows()) == ["planned"] * 3 + ["sent"] * 10


def test_outcomes_that_come_together_are_recorded_together() -> None:
    notify = NotifyInMemory()
    notify.take(*(make_event(id=str(number)) for number in range(4)))

    def at_once(send: Any, claimed: Sequence[Any], _places: int) -> Iterator[list[Any]]:
        yield [send(one) for one in claimed]

    assert len(notify.send(limit=10, concurrently=at_once)) == 4
    assert [row["state"] for row in notify.rows()] == ["sent"] * 4


def test_a_delivery_that_was_cancelled_after_the_look_is_not_claimed() -> None:
    notify = planned()
    keys = handlers.due(notify.store, notify.clock.now(), "deliveries")
    notify.command(handlers.cancel, {"reason": "moot"}, number=keys[0])
    assert notify.unit_of_work.run(claim(notify, keys)) == []


def test_a_holder_that_was_overtaken_claims_nothing() -> None:
    notify = planned()
    notify.store.collections["leases"] = {"send": {"token": 2}}
    with pytest.raises(Conflict):
        handlers.send_due(
            notify.unit_of_work,
            deliveries=notify.deliveries,
            patience=PATIENCE,
            limit=10,
            sender=notify.sender,
            concurrently=one_by_one,
            fence=("send", 1),
        )
    assert notify.stored()["state"] == "planned"
    assert notify.sender.handed == []


def claim(notify: NotifyInMemory, keys: Sequence[str] | None = None) -> Any:
    def block(work: Work) -> Any:
        wanted = keys or handlers.due(work.store, work.now, "deliveries")
        return handlers.claim_due(work, wanted, deliveries=notify.deliveries, patience=PATIENCE)

    return block


def settle(notify: NotifyInMemory, claimed: Any, result: Any) -> None:
    notify.unit_of_work.run(
        lambda work: handlers.settle(work, claimed, result, deliveries=notify.deliveries, patience=PATIENCE)
    )
