"""A message that fails goes on once, whatever breaks between its copy, the note of it and its acknowledgement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.climbs import HOLD, SETTLED, Climb, Climbs, Turn, forget, height, turn
from shared.clock import FixedClock
from shared.deadletter import Trip
from shared.ids import SequentialIds
from shared.testing import MemoryStore, make_instant
from shared.unit_of_work import UnitOfWork

NOW = make_instant()
LAST = 4
"""The attempt after which a message is dead."""


def make_trip(**overrides: Any) -> Trip:
    fields = {"body": b'{"source": "/monitor", "id": "1"}', "queue": "q", "message_id": "m1", "content_type": "text/x"}
    start = {"sender": None, "attempt": 1, "first_failed_at": None, "redelivered": False}
    return Trip(**{**fields, **start, **overrides})


class Replica:
    """One process of the service, on a store that all share."""

    def __init__(self, store: MemoryStore, name: str = "a", at: Any = NOW) -> None:
        self.clock = FixedClock(at)
        self.unit = UnitOfWork(store, self.clock, SequentialIds(), pause=lambda _: None)
        self.climbs = Climbs(self.unit, name)

    def claim(self, *trips: Trip, **options: Any) -> list[Turn]:
        return self.climbs.claim(trips, **options)


def test_what_has_gone_on_is_a_copy_at_its_height_and_below_and_goes_on_above() -> None:
    climb = Climb(gone=height(make_trip(attempt=2)))
    turns = [turn(climb, height(make_trip(attempt=attempt)), "a", NOW) for attempt in (1, 2, 3)]
    assert turns == [Turn.GONE, Turn.GONE, Turn.GO]


def test_a_replayed_message_climbs_anew() -> None:
    climb = Climb(gone=height(make_trip(attempt=8)), dead=True, at=NOW)
    assert turn(climb, height(make_trip(attempt=1, replays=1)), "a", NOW) is Turn.GO
    assert turn(climb, height(make_trip(attempt=1)), "a", NOW) is Turn.GONE
    assert turn(climb, height(make_trip(attempt=1)), "a", NOW + SETTLED * 2) is Turn.BURIED


def test_another_process_waits_for_the_one_that_makes_the_copy_and_not_for_ever() -> None:
    store = MemoryStore()
    assert Replica(store, "a").claim(make_trip()) == [Turn.GO]
    assert Replica(store, "b").claim(make_trip()) == [Turn.WAIT]
    assert Replica(store, "a").claim(make_trip()) == [Turn.GO]
    assert Replica(store, "b", NOW + HOLD).claim(make_trip()) == [Turn.GO]


def test_of_copies_in_one_batch_the_first_goes_on() -> None:
    replica = Replica(MemoryStore())
    other = make_trip(message_id="m2", body=b"{")
    assert replica.claim(make_trip(), other, make_trip()) == [Turn.GO, Turn.GO, Turn.WAIT]
    replica.climbs.went([(make_trip(), True), (other, False)])
    assert replica.claim(make_trip(), other) == [Turn.GONE, Turn.GONE]


def test_one_name_with_two_bodies_is_two_messages() -> None:
    replica = Replica(MemoryStore())
    changed = make_trip(body=b'{"source": "/monitor", "id": "1", "data": {}}')
    replica.claim(make_trip())
    replica.climbs.went([(make_trip(), True)])
    assert replica.claim(changed) == [Turn.GO]


def test_what_is_forgotten_is_new() -> None:
    replica = Replica(MemoryStore())
    replica.claim(make_trip())
    replica.climbs.went([(make_trip(), True)])
    assert replica.claim(make_trip(), anew=[make_trip().key]) == [Turn.GO]
    replica.climbs.went([(make_trip(), True)])
    forget(replica.unit, make_trip().key)
    forget(replica.unit, "nothing")
    assert replica.claim(make_trip()) == [Turn.GO]


class Break(Enum):
    """What breaks while a message is moved; it is delivered again then."""

    NOTHING = 0
    AFTER_THE_CLAIM = 1
    AFTER_THE_NOTE = 2
    AFTER_THE_CONFIRM = 3


Step = tuple[int, int, Break]
"""Which of the messages that are there is delivered to which process, and what breaks then."""
HARMLESS = (Break.NOTHING, Break.AFTER_THE_CLAIM, Break.AFTER_THE_NOTE)


def steps(breaks: Sequence[Break]) -> st.SearchStrategy[list[Step]]:
    return st.lists(st.tuples(st.integers(0, 9), st.integers(0, 1), st.sampled_from(breaks)), max_size=40)


class World:
    """The messages that are on their way, the letters, and two processes."""

    def __init__(self, copies: int) -> None:
        store = MemoryStore()
        self.replicas = [Replica(store, name) for name in "ab"]
        self.waiting = [make_trip() for _ in range(copies)]
        self.letters = 0

    def deliver(self, index: int, process: int, breaks: Break) -> None:
        trip, replica = self.waiting.pop(index % len(self.waiting)), self.replicas[process]
        (whose,) = replica.claim(trip)
        if whose is Turn.GO and breaks is not Break.AFTER_THE_CLAIM:
            if trip.attempt == LAST:
                self.letters += 1
            else:
                self.waiting.append(make_trip(attempt=trip.attempt + 1))
            if breaks is not Break.AFTER_THE_CONFIRM:
                replica.climbs.went([(trip, trip.attempt == LAST)])
        if whose is Turn.WAIT or breaks is not Break.NOTHING:
            self.waiting.append(trip)
        for each in self.replicas:
            each.clock.advance(timedelta(seconds=1))

    def run(self, script: Sequence[Step]) -> int:
        for step in script:
            if self.waiting:
                self.deliver(*step)
        for _ in range(1000):
            if self.waiting:
                self.deliver(0, 0, Break.NOTHING)
        assert not self.waiting
        return self.letters


@given(st.integers(1, 4), steps(HARMLESS))
def test_copies_that_fail_become_one_letter_whatever_breaks_before_or_after(copies: int, script: list[Step]) -> None:
    assert World(copies).run(script) == 1


@given(st.integers(1, 4), steps(tuple(Break)))
def test_where_nobody_can_know_whether_a_copy_is_there_it_is_never_lost(copies: int, script: list[Step]) -> None:
    doubts = sum(breaks is Break.AFTER_THE_CONFIRM for _, _, breaks in script)
    assert 1 <= World(copies).run(script) <= 1 + doubts


@pytest.mark.parametrize("attempt", range(1, LAST))
def test_two_of_a_message_on_the_ladder_are_one_again_at_the_next_attempt(attempt: int) -> None:
    world = World(1)
    script = [(0, 0, Break.NOTHING)] * (attempt - 1) + [(0, 0, Break.AFTER_THE_CONFIRM)]
    assert world.run(script) == 1
