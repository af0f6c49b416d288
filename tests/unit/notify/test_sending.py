from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.notify import handlers
from services.notify.domain.outcome import Outcome, Result
from services.notify.handlers.backlog import LOOK_AHEAD
from shared.clock import FixedClock
from shared.envelope import Lane
from shared.testing import make_instant, published
from tests.unit.notify.factories import (
    PERMANENT,
    RETRY,
    SENT,
    NotifyInMemory,
    ScriptedCrew,
    make_addresses,
    make_data,
    make_event,
    make_policy,
    planned,
    states,
    types,
)


def test_a_due_delivery_is_sent_once() -> None:
    notify = planned()
    notify.send()
    notify.send()
    assert notify.stored()["state"] == "sent"
    assert len(notify.crew.handed) == 1
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


def test_an_attempt_that_takes_long_is_recorded_when_it_ends_and_holds_up_no_other() -> None:
    notify = planned(None)
    assert notify.send() == []
    notify.take(make_event(id="another", data=make_data(team="manager")))
    assert len(notify.send()) == 1
    (key,) = notify.crew.going
    notify.crew.finish(key, SENT)
    assert len(notify.send()) == 1
    assert states(notify) == ["sent", "sent"]


def test_an_outcome_whose_words_cannot_be_stored_is_recorded_without_them() -> None:
    notify = planned(Result(outcome=Outcome.PERMANENT, status=550, detail="no \ud800"))
    notify.send()
    assert (notify.stored()["state"], len(notify.crew.handed)) == ("failed", 1)


def test_deliveries_for_a_name_that_left_the_address_book_come_to_their_end() -> None:
    notify = NotifyInMemory(crew=ByRecipient({"network": PERMANENT}))
    notify.take(*(make_event(id=str(number)) for number in range(LOOK_AHEAD + 50)))
    notify.policy = make_policy(addresses=type(make_addresses())(emails={"manager": "m@example.org"}, webhooks={}))
    notify.dispatcher = notify.another_sender()
    notify.send()
    assert set(states(notify)) == {"failed"}


def test_a_delivery_that_is_cancelled_while_its_receiver_is_left_alone_is_not_sent() -> None:
    notify = NotifyInMemory(crew=ByRecipient({"network": RETRY}))
    notify.take(*(make_event(id=str(number)) for number in range(20)))
    notify.send()
    for row in notify.rows():
        notify.command(handlers.cancel, {"reason": "moot"}, number=row["_id"])
    before = len(notify.crew.handed)
    notify.clock.advance(timedelta(hours=6))
    notify.send()
    assert len(notify.crew.handed) == before


def test_an_urgent_delivery_goes_before_what_waits_for_the_same_slow_receiver() -> None:
    notify = NotifyInMemory(crew=ByRecipient({"network": None}))
    notify.take(*(make_event(id=str(number)) for number in range(30)))
    notify.send()
    notify.take(make_event(id="P1", lane=Lane.URGENT))
    notify.clock.advance(timedelta(seconds=30))
    for key in list(notify.crew.going):
        notify.crew.finish(key, SENT)
    notify.send()
    assert notify.crew.handed[-1][1].event == "P1"


def test_a_delivery_that_cannot_be_read_holds_up_no_other() -> None:
    notify = NotifyInMemory()
    notify.take(*(make_event(id=str(number)) for number in range(3)))
    del notify.store.collections["deliveries"][notify.rows()[0]["_id"]]["content"]
    assert len(notify.send()) == 2


def test_with_the_clock_set_back_a_failing_receiver_is_not_left_alone_for_longer() -> None:
    notify = NotifyInMemory(crew=ByRecipient({"network": RETRY}))
    steady = FixedClock(make_instant())
    notify.dispatcher = notify.another_sender(steady=steady)
    notify.take(*(make_event(id=str(number)) for number in range(20)))
    for _ in range(4):
        notify.send()
    notify.take(make_event(id="later"))
    notify.clock.advance(-timedelta(hours=2))
    notify.take(make_event(id="back"))
    before = len(notify.crew.handed)
    steady.advance(timedelta(minutes=1))
    notify.send()
    assert len(notify.crew.handed) > before


def test_urgent_deliveries_go_first_whatever_their_age() -> None:
    notify = NotifyInMemory()
    for number, lane in enumerate([Lane.BULK, Lane.NORMAL, Lane.URGENT]):
        notify.take(make_event(id=str(number), lane=lane))
        notify.clock.advance(timedelta(seconds=1))
    notify.send()
    assert [delivery.event for _, delivery in notify.crew.handed] == ["2", "1", "0"]


def test_a_receiver_that_fails_is_tried_by_one_delivery_at_a_time_and_the_others_are_not_held_up() -> None:
    refusing = {"network": RETRY}
    notify = NotifyInMemory(crew=ByRecipient(refusing))
    notify.take(*(make_event(id=str(number)) for number in range(60)))
    notify.take(*(make_event(id=f"other {number}", data=make_data(team="manager")) for number in range(5)))
    notify.send()
    tried = [delivery.recipient for _, delivery in notify.crew.handed]
    assert tried.count("manager") == 5
    assert tried.count("network") <= 20
    before = len(notify.crew.handed)
    notify.clock.advance(timedelta(minutes=1))
    notify.send()
    assert len(notify.crew.handed) == before + 1


def test_with_ten_slow_receivers_and_a_thousand_deliveries_an_urgent_one_goes_before_any_second_attempt() -> None:
    slow = {f"slow-{number}": None for number in range(10)}
    emails = {**make_addresses().emails, **{name: f"{name}@example.org" for name in slow}}
    addresses = make_addresses()
    notify = NotifyInMemory(
        crew=ByRecipient(slow), addresses=type(addresses)(emails=emails, webhooks=addresses.webhooks)
    )
    for number in range(1000):
        team = f"slow-{number % 10}"
        notify.take(make_event(id=str(number), lane=Lane.URGENT, data=make_data(team=team)))
    notify.send()
    notify.take(make_event(id="P1", lane=Lane.URGENT), make_event(id="P3", lane=Lane.NORMAL))
    for _ in range(12):
        notify.clock.advance(timedelta(seconds=1))
        notify.send()
    events = [delivery.event for _, delivery in notify.crew.handed]
    assert {"P1", "P3"} <= set(events)
    assert len(events) == len(set(events))
    assert len(notify.crew.going) == len(slow)


def test_what_waits_for_one_receiver_hides_no_other_however_much_it_is() -> None:
    notify = NotifyInMemory(crew=ByRecipient({"network": None}))
    notify.take(*(make_event(id=str(number)) for number in range(LOOK_AHEAD + 50)))
    notify.clock.advance(timedelta(seconds=1))
    notify.take(make_event(id="other", data=make_data(team="manager")))
    notify.send()
    assert "other" in [delivery.event for _, delivery in notify.crew.handed]


def test_a_process_that_stops_begins_no_other() -> None:
    notify = NotifyInMemory()
    notify.take(*(make_event(id=str(number)) for number in range(13)))
    assert notify.send(stopping=lambda: True) == []
    assert len(notify.send(token=2)) == 13


def test_an_orderly_stop_waits_a_while_and_gives_back_what_has_not_left() -> None:
    notify = planned(None, None)
    notify.take(make_event(id="another", data=make_data(team="manager")))
    notify.send()
    first, second = notify.crew.going
    notify.crew.finish(first, SENT)
    assert len(notify.dispatcher.wind_up(timedelta())) == 1
    assert states(notify) == ["planned", "sent"]
    notify.dispatcher = notify.another_sender()
    assert len(notify.send(token=2)) == 1
    assert notify.crew.handed[-1][0] == second
    assert [row["attempts_total"] for row in notify.rows()] == [1, 1]


def test_outcomes_that_come_together_are_recorded_together() -> None:
    notify = NotifyInMemory()
    notify.take(*(make_event(id=str(number)) for number in range(4)))
    notify.hold(1)
    assert len(notify.dispatcher.step(("send", 1), lambda: False)) == 4
    assert states(notify) == ["sent"] * 4


def test_an_outcome_that_cannot_be_recorded_now_is_recorded_later() -> None:
    notify = planned()
    commit, faults = notify.store.commit, [True]

    def once(writes: Any) -> None:
        if "deliveries" in writes.updates and faults:
            faults.pop()
            raise OSError("the database is away")
        commit(writes)

    notify.store.commit = once  # type: ignore[method-assign]
    with pytest.raises(OSError, match="away"):
        notify.send()
    notify.send()
    assert notify.stored()["state"] == "sent"
    assert len(notify.crew.handed) == 1


class ByRecipient(ScriptedCrew):
    """Answers by recipient; who is not named takes everything."""

    def __init__(self, answers: dict[str, Any]) -> None:
        super().__init__()
        self._answers = answers

    def begin(self, taken: Any, at: Any) -> None:
        self.script = [self._answers.get(taken.state.recipient, SENT)]
        super().begin(taken, at)
