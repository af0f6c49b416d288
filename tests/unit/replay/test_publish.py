"""Publishing history: everything arrives, in order, whatever the broker does."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from deskwire.replay.publish import PATIENCE, publish
from shared.errors import Rejected, Unavailable
from shared.publisher import Message, Outcome
from shared.testing import make_envelope

Judge = Callable[[int, Message], Outcome]


class Broker:
    """Keeps what it confirms. `away` counts the publishes that fail before it answers."""

    def __init__(self, judge: Judge = lambda turn, message: Outcome.CONFIRMED, away: int = 0) -> None:
        self.taken: list[str] = []
        self._judge = judge
        self._away = away
        self._turn = 0

    def publish(self, messages: Sequence[Message]) -> list[Outcome]:
        self._turn += 1
        if self._turn <= self._away:
            raise Unavailable("away")
        outcomes = [self._judge(self._turn, message) for message in messages]
        confirmed = zip(messages, outcomes, strict=True)
        self.taken += [message.message_id for message, outcome in confirmed if outcome is Outcome.CONFIRMED]
        return outcomes


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def pause(self, seconds: float) -> None:
        self.now += seconds

    def monotonic(self) -> float:
        return self.now


def run(broker: Broker, count: int) -> int:
    clock = Time()
    events = (make_envelope(id=str(number)) for number in range(count))
    return publish(events, broker, pause=clock.pause, monotonic=clock.monotonic)


def test_all_events_are_published_in_order() -> None:
    broker = Broker()
    assert run(broker, 2500) == 2500
    assert broker.taken == [str(number) for number in range(2500)]


def test_progress_adds_up() -> None:
    told: list[int] = []
    events = (make_envelope(id=str(number)) for number in range(1500))
    publish(events, Broker(), advance=told.append)
    assert sum(told) == 1500


def test_a_broker_that_comes_back_gets_the_same_events() -> None:
    broker = Broker(away=5)
    run(broker, 10)
    assert broker.taken == [str(number) for number in range(10)]


def test_what_a_full_queue_refuses_is_sent_again_alone() -> None:
    broker = Broker(
        lambda turn, message: Outcome.NACKED if turn == 1 and message.message_id == "3" else Outcome.CONFIRMED
    )
    run(broker, 5)
    assert sorted(broker.taken) == ["0", "1", "2", "3", "4"]
    assert len(broker.taken) == 5


def test_a_broker_that_stays_away_ends_the_replay() -> None:
    with pytest.raises(Unavailable, match=f"{PATIENCE:.0f} s"):
        run(Broker(away=10_000), 1)


def test_without_a_queue_the_replay_ends_at_once() -> None:
    with pytest.raises(Rejected, match=r"alert\.firing\.normal"):
        run(Broker(lambda turn, message: Outcome.RETURNED), 1)
