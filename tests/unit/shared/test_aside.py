"""Moving messages aside waits for broker and database, and settles only what is safe."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from shared import aside
from shared.aside import Aside
from shared.clock import FixedClock
from shared.errors import Invalid, Unavailable
from shared.ids import SequentialIds
from shared.publisher import Message, Outcome
from shared.retry import LADDER
from shared.store import Writes
from shared.testing import MemoryStore, make_instant
from shared.unit_of_work import UnitOfWork
from tests.unit.shared.test_climbs import make_trip


class Failing(MemoryStore):
    """A store whose commits fail as often as it is told, beginning with a certain one."""

    def __init__(self) -> None:
        super().__init__()
        self.commits, self.failing = 0, range(0)
        self.fault: str | None = None

    def commit(self, writes: Writes) -> None:
        self.commits += 1
        if self.commits in self.failing:
            self.fault = "is away"
            raise Unavailable("the database is away")
        self.fault = None
        super().commit(writes)


class Broker:
    """Answers each publish as it is told, and then confirms."""

    def __init__(self, *answers: Outcome | Exception) -> None:
        self.answers = list(answers)
        self.taken: list[Message] = []

    def publish(self, messages: list[Message]) -> list[Outcome]:
        answer = self.answers.pop(0) if self.answers and messages else Outcome.CONFIRMED
        if isinstance(answer, Exception):
            raise answer
        if answer is Outcome.CONFIRMED:
            self.taken += messages
        return [answer] * len(messages)

    def length(self, _queue: str) -> int:
        return len(self.taken)


class Hand:
    """A delivery, and what was done with it."""

    def __init__(self, **trip: Any) -> None:
        self.trip = make_trip(**trip)
        self.lost = self.settled = False

    def ack(self) -> None:
        self.settled = True

    def give_up(self) -> None:
        self.lost = True


class Threads:
    """Green threads that run when they are told to."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def sleep(self, _seconds: float) -> None:
        """Time passes at once."""

    def spawn_managed_thread(self, work: Callable[[], None], identifier: str) -> None:
        self.waiting.append(work)

    def run(self) -> None:
        waiting, self.waiting = self.waiting, []
        for work in waiting:
            work()


@pytest.fixture
def store() -> Failing:
    return Failing()


@pytest.fixture
def move(monkeypatch: pytest.MonkeyPatch, store: Failing) -> Callable[..., list[tuple[str, str]]]:
    """Moves deliveries aside as refused, and returns what was counted."""
    monkeypatch.setattr(aside, "eventlet", SimpleNamespace(sleep=lambda _: None))
    clock = FixedClock(make_instant())

    def act(broker: Broker, *hands: Hand, error: Exception | None = None, stopping: bool = False) -> Any:
        counted: list[tuple[str, str]] = []
        runtime: Any = SimpleNamespace(
            service="incident",
            clock=clock,
            store=store,
            publisher=broker,
            holder="a",
            unit_of_work=UnitOfWork(store, clock, SequentialIds(), pause=lambda _: None),
            consumer=SimpleNamespace(stopping=stopping),
            settings=SimpleNamespace(retry_attempts=8, retry_ladder=LADDER),
        )
        refused = error or Invalid("no")
        Aside(runtime, lambda *count: counted.append(count)).move([(hand, None, refused) for hand in hands])  # type: ignore[misc]
        return counted

    return act


def test_what_is_refused_is_a_letter_and_settled(move: Any) -> None:
    broker, hand = Broker(), Hand()
    assert move(broker, hand) == [("unknown", "dead")]
    assert [message.exchange for message in broker.taken] == ["itsm.dead"]
    assert hand.settled


def test_copies_in_one_batch_and_later_ones_are_one_letter(move: Any) -> None:
    broker, hands = Broker(), [Hand() for _ in range(3)]
    outcomes = [outcome for _, outcome in [*move(broker, *hands), *move(broker, Hand())]]
    assert outcomes == ["dead", "duplicate", "duplicate", "duplicate"]
    assert len(broker.taken) == 1
    assert all(hand.settled for hand in hands)


def test_what_the_broker_does_not_take_is_offered_until_it_does(move: Any) -> None:
    broker, hand = Broker(Outcome.NACKED, Unavailable("broken"), Outcome.RETURNED), Hand()
    assert move(broker, hand, error=ZeroDivisionError()) == [("unknown", "retried")]
    assert len(broker.taken) == 1
    assert hand.settled


def test_while_the_database_is_away_nothing_is_published_or_settled(move: Any, store: Failing) -> None:
    store.failing = range(1, 4)
    broker, hand = Broker(), Hand()
    assert move(broker, hand) == [("unknown", "dead")]
    assert (store.commits, len(broker.taken), hand.settled) == (5, 1, True)


def test_a_stop_while_the_database_is_away_leaves_the_message_to_the_broker(move: Any, store: Failing) -> None:
    store.failing = range(1, 1000)
    broker, hand = Broker(), Hand()
    assert move(broker, hand, stopping=True) == []
    assert (broker.taken, hand.settled, hand.lost) == ([], False, True)


def test_what_the_broker_has_is_settled_although_it_cannot_be_noted(move: Any, store: Failing) -> None:
    store.failing = range(2, 3)
    broker, hand = Broker(), Hand()
    assert move(broker, hand) == [("unknown", "dead")]
    assert hand.settled


def test_what_comes_again_over_another_connection_is_left_alone(move: Any) -> None:
    broker, hand = Broker(), Hand()
    hand.lost = True
    assert move(broker, hand) == []
    assert broker.taken == []


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Threads:
    threads = Threads()
    monkeypatch.setattr(aside, "eventlet", threads)
    return threads


def make_aside(store: Failing, broker: Broker, threads: Threads, *, stopping: bool = False) -> Aside:
    clock = FixedClock(make_instant())
    runtime: Any = SimpleNamespace(
        service="incident",
        clock=clock,
        store=store,
        publisher=broker,
        holder="a",
        container=threads,
        unit_of_work=UnitOfWork(store, clock, SequentialIds(), pause=lambda _: None),
        consumer=SimpleNamespace(stopping=stopping),
        settings=SimpleNamespace(retry_attempts=8, retry_ladder=LADDER),
    )
    return Aside(runtime, lambda *_: None)


@pytest.mark.parametrize(
    ("answer", "error", "fault"),
    [
        (Outcome.NACKED, Invalid("no"), "incident.dead is full"),
        (Outcome.RETURNED, Invalid("no"), "incident.dead is not there"),
        (Outcome.NACKED, ZeroDivisionError(), "itsm.retry.1000 is full"),
        (Outcome.RETURNED, ZeroDivisionError(), "itsm.retry.1000 is not there"),
    ],
)
def test_a_queue_that_refuses_what_is_moved_aside_is_named_and_holds_nobody_up(
    store: Failing, threads: Threads, answer: Outcome, error: Exception, fault: str
) -> None:
    broker, hand = Broker(*[answer] * 50), Hand()
    holding = make_aside(store, broker, threads)
    holding.move([(hand, None, error)])  # type: ignore[list-item]
    assert (holding.held, hand.settled) == (1, False)
    assert (holding.fault or "").startswith(fault)
    threads.run()
    assert (holding.held, holding.fault, hand.settled) == (0, None, True)
    assert len(broker.taken) == 1


def test_while_a_queue_refuses_each_further_message_costs_one_attempt(store: Failing, threads: Threads) -> None:
    broker = Broker(*[Outcome.NACKED] * 1_000)
    holding = make_aside(store, broker, threads)
    hands = [Hand(body=str(number).encode(), message_id=str(number)) for number in range(5)]
    holding.move([(hands[0], None, Invalid("no"))])  # type: ignore[list-item]
    for hand in hands[1:]:
        before = len(broker.answers)
        holding.move([(hand, None, Invalid("no"))])  # type: ignore[list-item]
        assert len(broker.answers) == before - 1
    assert (holding.held, len(threads.waiting)) == (5, 1)
    threads.run()
    assert all(hand.settled for hand in hands)
    assert len(broker.taken) == 5


def test_what_is_held_and_comes_over_another_connection_is_held_no_longer(store: Failing, threads: Threads) -> None:
    broker, hand = Broker(*[Outcome.NACKED] * 50), Hand()
    holding = make_aside(store, broker, threads)
    holding.move([(hand, None, Invalid("no"))])  # type: ignore[list-item]
    hand.lost = True
    threads.run()
    assert (holding.held, holding.fault, broker.taken) == (0, None, [])


def test_a_stop_leaves_what_no_queue_takes_to_the_broker(store: Failing, threads: Threads) -> None:
    broker, hand = Broker(*[Outcome.NACKED] * 50), Hand()
    holding = make_aside(store, broker, threads, stopping=True)
    holding.move([(hand, None, Invalid("no"))])  # type: ignore[list-item]
    threads.run()
    assert (hand.lost, hand.settled, holding.held) == (True, False, 0)
