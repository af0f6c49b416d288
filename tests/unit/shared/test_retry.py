"""What becomes of a message whose handler failed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Conflict, DeskwireError, Early, Forbidden, Invalid, NotFound, Rejected, Unavailable
from shared.retry import LADDER, DeadLetter, RetryAfter, decide

SHORT = (timedelta(seconds=1), timedelta(seconds=2))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Rejected("x"), "rejected"),
        (Invalid("x"), "invalid"),
        (Invalid("x", slug="bad-json"), "bad-json"),
        (NotFound("x"), "not-found"),
        (Forbidden("x"), "forbidden"),
    ],
)
def test_a_senders_mistake_is_dead_at_once_under_its_own_slug(error: Rejected, reason: str) -> None:
    assert decide(error, 1) == DeadLetter(reason)


@pytest.mark.parametrize(
    "error", [Early("x"), Conflict("x"), Unavailable("x"), DeskwireError("x"), KeyError("x"), TimeoutError()]
)
def test_everything_else_climbs_the_ladder_step_by_step(error: Exception) -> None:
    assert [decide(error, attempt) for attempt in range(1, 5)] == [RetryAfter(step) for step in LADDER]


def test_the_last_step_is_repeated_until_the_attempts_are_used_up() -> None:
    verdicts = [decide(KeyError(), attempt, max_attempts=4, ladder=SHORT) for attempt in range(1, 6)]
    up = [RetryAfter(SHORT[0]), RetryAfter(SHORT[1]), RetryAfter(SHORT[1])]
    assert verdicts == [*up, DeadLetter("handler-error"), DeadLetter("handler-error")]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Early("x", slug="gap"), "gap"),
        (Conflict("x"), "conflict"),
        (Unavailable("x"), "unavailable"),
        (ValueError("a reason as long as it likes"), "handler-error"),
        (DeskwireError("x"), "handler-error"),
    ],
)
def test_what_ends_at_the_top_keeps_a_bounded_reason(error: Exception, reason: str) -> None:
    assert decide(error, 8) == DeadLetter(reason)


@given(st.integers(1, 1000), st.integers(1, 1000))
def test_every_message_ends_after_as_many_attempts_as_are_allowed(attempt: int, allowed: int) -> None:
    verdict = decide(KeyError(), attempt, max_attempts=allowed)
    assert isinstance(verdict, DeadLetter) == (attempt >= allowed)


def test_the_default_ladder_outlasts_a_restart_by_far() -> None:
    waits = [decide(KeyError(), attempt) for attempt in range(1, 8)]
    total = sum((wait.delay for wait in waits if isinstance(wait, RetryAfter)), timedelta())
    assert timedelta(minutes=40) < total < timedelta(minutes=45)


@pytest.mark.parametrize("error", [OverflowError("int too large"), RecursionError(), "\ud800"])
def test_what_cannot_be_held_is_dead_at_once(error: BaseException | str) -> None:
    if isinstance(error, str):
        with pytest.raises(UnicodeEncodeError) as caught:
            error.encode()
        error = caught.value
    assert decide(error, 1) == DeadLetter("unstorable")
