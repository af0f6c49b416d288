from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from services.notify import handlers
from services.notify.domain.outcome import Outcome, Result
from services.notify.handlers.backlog import LOOK_AHEAD
from shared.clock import FixedClock
from shared.envelope import Lane
from shared.errors import Conflict
from shared.testing import make_instant, published
from tests.unit.notify.factories import (
    DOUBTFUL,
    LEASE,
    PERMANENT,
    RETRY,
    SENT,
    NotifyInMemory,
    ScriptedCrew,
    make_addresses,
    make_data,
    make_event,
    make_hook,
    make_policy,
)


def planned(*script: Any) -> NotifyInMemory:
    notify = NotifyInMemory(crew=ScriptedCrew(*script))
    notify.take(make_event())
    return notify


def types(notify: NotifyInMemory) -> list[str]:
    return [event.type.removeprefix("notification.") for event in published(notify.store)]


def states(notify: NotifyInMemory) -> list[str]:
    return sorted(row["state"] for row in notify.rows())


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


def test_an_outcome_whose_words_cannot_be_stored_is_recorded_without_them() -> None:
    notify = planned(Result(outcome=Outcome.PERMANENT, status=550, detail="no \ud800"))
    notify.send()
    assert (notify.stored()["state"], len(notify.crew.handed)) == ("failed", 1)


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


class ByRecipient(ScriptedCrew):
    """Answers by recipient; who is not named takes everything."""

    def __init__(self, answers: dict[str, Any]) -> None:
        super().__init__()
        self._answers = answers

    def begin(self, taken: Any, at: Any) -> None:
        self.script = [self._answers.get(taken.state.recipient, SENT)]
        super().begin(taken, at)


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
