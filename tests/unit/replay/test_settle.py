"""When a replay is done, and what it then says."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pytest
from rich.console import Console

from deskwire.replay.observe import Counts, backlog
from deskwire.replay.report import Report, show
from deskwire.replay.settle import POLL_SECONDS, QUIET_SECONDS, Backlog, settle
from shared.errors import Unavailable


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def pause(self, seconds: float) -> None:
        self.now += seconds

    def monotonic(self) -> float:
        return self.now


def make_backlog(queued: int = 0, unsent: int = 0, done: int = 0) -> Backlog:
    return Backlog(queued=queued, unsent=unsent, done=(done,))


def run(course: Sequence[Backlog]) -> tuple[float, float]:
    """Settle over a course that stays at its last entry: (the last movement, the end)."""
    clock, looks = Time(), iter([*course, *[course[-1]] * 10_000])
    moved = settle(lambda: next(looks), pause=clock.pause, monotonic=clock.monotonic)
    return moved, clock.now


def test_it_is_done_when_nothing_is_left_and_nothing_moves() -> None:
    moved, ended = run([make_backlog(queued=5), make_backlog(unsent=5), make_backlog(done=5)])
    assert moved == 2 * POLL_SECONDS
    assert ended >= moved + QUIET_SECONDS


def test_empty_queues_are_not_the_end_while_records_still_change() -> None:
    moved, _ = run([make_backlog(done=number) for number in range(20)])
    assert moved == 19 * POLL_SECONDS


def test_a_part_that_stands_still_with_work_left_is_said() -> None:
    with pytest.raises(Unavailable, match="7 messages"):
        run([make_backlog(queued=7)])


def test_every_number_of_the_reports_is_a_movement() -> None:
    before = backlog(Counts(queued=0, dead=0), 0, {"by_state": {"closed": 1}}, {"attainment": {}})
    after = backlog(Counts(queued=0, dead=0), 0, {"by_state": {"closed": 2}}, {"attainment": {}})
    assert before != after
    assert before.left == after.left == 0


def make_report(**overrides: object) -> Report:
    fields: dict[str, object] = {
        "events": 100,
        "published_seconds": 0.5,
        "seconds": 2.0,
        "dead_letters": 0,
        "incident": {
            "incidents": 20,
            "by_state": {"closed": 15, "resolved": 5},
            "by_resolution_code": {"in_call": 5},
            "level1_only": 12,
            "level_changes": 13,
            "ping_pong": 3,
            "reopened": 1,
        },
        "sla": {"attainment": {"response": {"P3": {"met": 3, "breached": 1}}}},
    }
    return Report(**{**fields, **overrides})  # type: ignore[arg-type]


def test_the_report_shows_every_figure() -> None:
    console = Console(file=io.StringIO(), width=120)
    show(make_report(), console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    for words in ("Hand-overs between levels", "13", "in_call", "75.0%", "50 a second", "0 dead letters"):
        assert words in text


def test_the_report_as_json_has_the_rate() -> None:
    assert make_report().as_dict()["events_per_second"] == 50.0
