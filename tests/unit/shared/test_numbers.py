"""Numbers for people: never given twice, whatever happens."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from shared.errors import Unavailable
from shared.numbers import Numbers
from shared.testing import CountingNumbers, MemoryStore


def test_numbers_count_up_in_each_prefix() -> None:
    numbers = Numbers(MemoryStore(), block=2)
    assert [numbers.next("INC") for _ in range(5)] == [f"INC000000{n}" for n in range(1, 6)]
    assert numbers.next("PRB") == "PRB0000001"


def test_replicas_never_give_the_same_number_and_a_restart_skips_what_was_reserved() -> None:
    store = MemoryStore()
    one, other = Numbers(store, block=10), Numbers(store, block=10)
    assert (one.next("INC"), other.next("INC"), one.next("INC")) == ("INC0000001", "INC0000011", "INC0000002")
    assert Numbers(store, block=10).next("INC") == "INC0000021"


def test_threads_never_get_the_same_number() -> None:
    numbers = Numbers(MemoryStore(), block=7)
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: numbers.next("INC"), range(2000)))
    assert len(set(given)) == 2000


def test_threads_that_come_at_once_share_one_block() -> None:
    meeting = threading.Barrier(2)

    class Slow(MemoryStore):
        """Lets a second caller in, if one can come."""

        def reserve(self, counter: str, count: int) -> int:
            with suppress(threading.BrokenBarrierError):
                meeting.wait(0.05)
            return super().reserve(counter, count)

    numbers = Numbers(Slow(), block=100)
    with ThreadPoolExecutor(4) as pool:
        given = sorted(pool.map(lambda _: numbers.next("INC"), range(4)))
    assert given == [f"INC000000{n}" for n in range(1, 5)]


def test_without_the_store_a_block_in_hand_is_used_up_and_then_it_says_so() -> None:
    class Away(MemoryStore):
        calls = 0

        def reserve(self, counter: str, count: int) -> int:
            self.calls += 1
            if self.calls == 2:
                raise Unavailable("away")
            return super().reserve(counter, count)

    numbers = Numbers(Away(), block=1)
    assert numbers.next("INC") == "INC0000001"
    with pytest.raises(Unavailable):
        numbers.next("INC")
    assert numbers.next("INC") == "INC0000002"


def test_the_fake_counts_as_the_real_one_does() -> None:
    real, fake = Numbers(MemoryStore()), CountingNumbers()
    assert [real.next("A") for _ in range(3)] == [fake.next("A") for _ in range(3)]
