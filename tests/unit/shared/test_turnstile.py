"""How much one process writes at one moment."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.turnstile import Turnstile

DEADLINE = 5.0


def test_commits_that_fit_pass_side_by_side() -> None:
    turnstile, both = Turnstile(10), threading.Barrier(2)

    def commit() -> None:
        with turnstile.passing(5):
            both.wait(DEADLINE)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(commit) for _ in range(2)]:
            done.result(DEADLINE)


def test_what_passes_at_one_moment_keeps_the_bound_or_is_one_commit() -> None:
    turnstile, lock = Turnstile(10), threading.Lock()
    inside: list[int] = []
    seen: list[tuple[int, ...]] = []

    def commit(weight: int) -> None:
        with turnstile.passing(weight):
            with lock:
                inside.append(weight)
                seen.append(tuple(inside))
            with lock:
                inside.remove(weight)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(commit, [1, 4, 6, 9, 30, 2] * 50))
    assert len(seen) == 300
    assert all(sum(weights) <= 10 or len(weights) == 1 for weights in seen)


def test_a_commit_that_fails_gives_its_room_back() -> None:
    turnstile = Turnstile(10)
    with pytest.raises(RuntimeError), turnstile.passing(10):
        raise RuntimeError("the database is away")
    with turnstile.passing(10):
        pass
