"""A database that takes requests and commits nothing is seen, told, and asked for less."""

from __future__ import annotations

import contextlib

import pytest

from shared.errors import Conflict, Unavailable
from shared.standstill import QUIET_SECONDS, RECOVERED_AFTER, SMALLEST_SHARE, STANDSTILL_SECONDS, Commits


class Time:
    """A monotonic clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


def is_answer(error: Exception) -> bool:
    return isinstance(error, Conflict)


def commit(commits: Commits, error: Exception | None = None, asked: str = "a record") -> None:
    with contextlib.suppress(Unavailable, Conflict), commits.asking(asked, is_answer):
        if error is not None:
            raise error


def test_a_database_that_commits_is_well(time: Time) -> None:
    commits = Commits(time)
    commit(commits)
    time.now += 1000
    assert (commits.seconds, commits.fault(), commits.share) == (0.0, None, 1)


def test_attempts_in_vain_for_a_minute_are_a_standstill_that_names_what_was_to_be_written(time: Time) -> None:
    commits = Commits(time)
    for _ in range(7):
        commit(commits, Unavailable("no answer"), "3 documents for ticket.action x 2")
        assert commits.fault() is None
        time.now += STANDSTILL_SECONDS / 7 + 0.01
    commit(commits, Unavailable("no answer"), "3 documents for ticket.action x 2")
    assert "60 s" in str(commits.fault())
    assert "3 documents for ticket.action x 2" in str(commits.fault())


def test_what_was_asked_first_is_told_whatever_was_asked_later(time: Time) -> None:
    commits = Commits(time)
    commit(commits, asked="a record that went well")
    for number in range(20):
        commit(commits, Unavailable("no answer"), f"{number} documents")
        time.now += STANDSTILL_SECONDS / 10
    assert "0 documents; 1 documents; 2 documents" in str(commits.fault())
    assert "well" not in str(commits.fault())


def test_one_commit_that_is_never_answered_is_a_standstill_while_it_is_still_waited_for(time: Time) -> None:
    commits = Commits(time)
    with commits.asking("a record", is_answer):
        time.now += STANDSTILL_SECONDS
        assert commits.seconds == STANDSTILL_SECONDS
        assert commits.fault() is not None
    assert commits.fault() is None


def test_a_lost_race_is_an_answer(time: Time) -> None:
    commits = Commits(time)
    commit(commits, Unavailable("no answer"))
    time.now += STANDSTILL_SECONDS
    commit(commits, Conflict("another writer was first"))
    assert commits.seconds == 0.0


def test_when_nobody_asks_any_more_nothing_is_told(time: Time) -> None:
    commits = Commits(time)
    commit(commits, Unavailable("no answer"))
    for _ in range(2):
        time.now += STANDSTILL_SECONDS / 2
        commits.failed()
    assert commits.fault() is not None
    time.now += QUIET_SECONDS + 1
    assert commits.fault() is None
    commits.failed()
    assert (commits.fault(), commits.share) == (None, 2)


def test_a_standstill_halves_what_is_asked_once_a_minute_and_commits_bring_it_back_slowly(time: Time) -> None:
    commits = Commits(time)
    commits.failed()
    shares = []
    for _ in range(10):
        for _ in range(4):
            time.now += STANDSTILL_SECONDS / 4
            commits.failed()
        shares.append(commits.share)
    assert shares[:3] == [2, 4, 8]
    assert shares[-1] == SMALLEST_SHARE
    for _ in range(RECOVERED_AFTER - 1):
        commit(commits)
    assert commits.share == SMALLEST_SHARE
    commit(commits)
    assert commits.share == SMALLEST_SHARE // 2
    for _ in range(RECOVERED_AFTER * 10):
        commit(commits)
    assert commits.share == 1
