from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from services.notify import handlers
from shared.errors import Conflict
from tests.unit.notify.factories import (
    DOUBTFUL,
    LEASE,
    PERMANENT,
    RETRY,
    SENT,
    NotifyInMemory,
    ScriptedCrew,
    make_data,
    make_event,
    make_hook,
    planned,
    states,
    types,
)


def test_what_goes_on_for_longer_than_the_lease_stays_its_senders() -> None:
    notify = planned(None)
    notify.send()
    for _ in range(5):
        notify.clock.advance(LEASE / 2)
        notify.send()
    other = notify.another_sender(ScriptedCrew())
    notify.hold(2)
    assert other.step(("send", 2), lambda: False) == []
    notify.crew.finish(notify.stored()["_id"], SENT)
    notify.send()
    assert notify.stored()["attempts_total"] == 1


def test_a_crash_between_sending_and_its_record_sends_again_under_the_same_key() -> None:
    notify = planned(None)
    notify.send()
    notify.dispatcher = notify.another_sender()
    assert notify.send(token=2) == []
    notify.clock.advance(LEASE)
    notify.send(token=2)
    (first, before), (second, after) = notify.crew.handed
    assert (first, before.content, before.planned_at) == (second, after.content, after.planned_at)
    assert notify.stored()["state"] == "sent"
    assert [attempt["outcome"] for attempt in notify.stored()["attempts"]] == ["interrupted", "sent"]


def test_a_delivery_that_ends_every_process_is_given_up() -> None:
    notify = planned(*[None] * 20)
    for token in range(1, 20):
        notify.send(token=token)
        notify.clock.advance(LEASE)
        notify.dispatcher = notify.another_sender()
    assert notify.stored()["state"] == "failed"
    assert len(notify.crew.handed) == 8


def test_what_a_vanished_sender_had_in_hand_holds_up_no_other() -> None:
    notify = NotifyInMemory(crew=ScriptedCrew(*[None] * 5), places=10)
    notify.take(*(make_event(id=str(number)) for number in range(30)))
    notify.send()
    held = len(notify.crew.going)
    notify.dispatcher = notify.another_sender()
    assert len(notify.send(token=2)) == 30 - held
    assert states(notify) == ["planned"] * held + ["sent"] * (30 - held)


def test_what_was_on_its_way_is_given_back_however_much_it_is() -> None:
    notify = NotifyInMemory(make_hook(), crew=ScriptedCrew(*[None] * 60), places=100)
    for number in range(40):
        notify.take(make_event(id=str(number), data=make_data(description="\U0001f525" * 16_000)))
    notify.send()
    assert len(notify.crew.going) == 40
    notify.crew = ScriptedCrew()
    notify.dispatcher = notify.another_sender()
    notify.clock.advance(LEASE)
    notify.send(token=2)
    assert states(notify) == ["sent"] * 40


def test_a_delivery_that_cannot_be_read_is_given_back_to_nobody_and_holds_up_no_other() -> None:
    notify = NotifyInMemory(crew=ScriptedCrew(*[None] * 5))
    notify.take(*(make_event(id=str(number)) for number in range(5)))
    notify.send()
    del notify.store.collections["deliveries"][notify.rows()[2]["_id"]]["content"]
    notify.crew = ScriptedCrew()
    notify.dispatcher = notify.another_sender()
    notify.clock.advance(LEASE)
    notify.send(token=2)
    assert states(notify) == ["planned", *["sent"] * 4]
    assert notify.store.collections["rounds"]["rounds"]["rounds"] == []


def test_what_is_begun_stands_in_the_round_also_where_one_beside_it_cannot_be_read() -> None:
    notify = NotifyInMemory(crew=ScriptedCrew(*[None] * 5))
    notify.take(*(make_event(id=str(number)) for number in range(4)))
    del notify.store.collections["deliveries"][notify.rows()[0]["_id"]]["content"]
    notify.send()
    (ours,) = notify.store.collections["rounds"]["rounds"]["rounds"]
    assert sorted(notify.crew.going) == sorted(ours["keys"])
    assert len(ours["keys"]) == 3


def test_a_round_of_a_clock_that_was_set_since_is_nobodys() -> None:
    notify = planned(None)
    notify.clock.advance(timedelta(hours=3))
    notify.send()
    notify.clock.advance(-timedelta(hours=3))
    notify.crew = ScriptedCrew()
    notify.dispatcher = notify.another_sender()
    notify.send(token=2)
    assert notify.store.collections["rounds"]["rounds"]["rounds"] == []


def test_a_step_with_nothing_to_do_writes_nothing() -> None:
    notify = planned(None)
    notify.send()
    notify.dispatcher = notify.another_sender()
    before = dict(notify.store.collections["rounds"])
    assert notify.send(token=2) == []
    assert notify.store.collections["rounds"] == before


def test_an_attempt_that_goes_on_without_the_lease_stays_its_senders() -> None:
    notify = planned(None)
    notify.send()
    other = notify.another_sender(ScriptedCrew())
    notify.hold(2)
    for _ in range(6):
        notify.clock.advance(LEASE / 2)
        notify.dispatcher.step(None, lambda: False)
        assert other.step(("send", 2), lambda: False) == []


def test_how_an_attempt_ended_is_recorded_by_a_sender_that_has_lost_its_lease() -> None:
    notify = planned(None)
    notify.send()
    notify.hold(2)
    notify.crew.finish(notify.stored()["_id"], SENT)
    assert len(notify.dispatcher.step(None, lambda: False)) == 1
    assert notify.stored()["state"] == "sent"


def test_a_sender_without_the_lease_begins_nothing() -> None:
    notify = planned()
    assert notify.dispatcher.step(None, lambda: False) == []
    assert notify.stored()["state"] == "planned"


def test_a_slow_sender_that_succeeded_is_believed_although_its_round_is_over() -> None:
    notify, slow, fast = overtaken()
    settle(notify, slow, SENT)
    settle(notify, fast, RETRY)
    assert notify.stored()["state"] == "sent"
    assert types(notify).count("sent") == 1


def test_a_slow_sender_that_failed_is_ignored_when_its_round_is_over() -> None:
    notify, slow, fast = overtaken()
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


@pytest.mark.parametrize("result", [RETRY, DOUBTFUL])
def test_a_delivery_that_is_cancelled_on_its_way_and_does_not_arrive_stays_cancelled(result: Any) -> None:
    notify = planned()
    (taken,) = take_up(notify, token=1)
    notify.command(handlers.cancel, {"reason": "moot"}, number=taken.key)
    settle(notify, taken, result)
    assert notify.stored()["state"] == "cancelled"


def test_a_delivery_that_was_cancelled_after_the_look_is_not_taken_up() -> None:
    notify = planned()
    key = notify.stored()["_id"]
    notify.command(handlers.cancel, {"reason": "moot"}, number=key)
    assert take_up(notify, token=1, key=key) == []


def test_a_holder_that_was_overtaken_takes_nothing_up() -> None:
    notify = planned()
    with pytest.raises(Conflict):
        take_up(notify, token=1, holder=2)
    assert notify.stored()["state"] == "planned"


def overtaken() -> tuple[NotifyInMemory, Any, Any]:
    notify = planned()
    (slow,) = take_up(notify, token=1)
    notify.clock.advance(LEASE)
    notify.hold(2)
    notify.unit_of_work.run(partial(notify.rounds.recover, most=1, keys=[slow.key], fence=("send", 2)))
    (fast,) = take_up(notify, token=2)
    return notify, slow, fast


def take_up(notify: NotifyInMemory, *, token: int, holder: int = 0, key: str = "") -> Any:
    notify.hold(holder or token)
    keys = [key or notify.stored()["_id"]]
    return notify.unit_of_work.run(lambda work: notify.rounds.take_up(work, keys=keys, held=(), fence=("send", token)))


def settle(notify: NotifyInMemory, taken: Any, result: Any) -> None:
    notify.unit_of_work.run(lambda work: notify.rounds.settle_one(work, taken, result))
