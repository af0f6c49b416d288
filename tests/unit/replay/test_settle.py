"""When a replay is done, and what it then says."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from deskwire import status
from deskwire.console import Voice
from deskwire.replay.observe import backlog
from deskwire.replay.report import Report, show
from deskwire.replay.settle import POLL_SECONDS, QUIET_SECONDS, Backlog, settle
from deskwire.status import QueueState, Status
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
    with pytest.raises(Unavailable, match="7 messages queued"):
        run([make_backlog(queued=7)])


def test_every_number_of_the_reports_is_a_movement() -> None:
    before = backlog(Status(services=()), {"by_state": {"closed": 1}}, {"gaps": 0})
    after = backlog(Status(services=()), {"by_state": {"closed": 2}}, {"gaps": 0})
    assert before != after
    assert not before.left


def test_dead_letters_are_no_work_that_is_left() -> None:
    queues = (make_queue("incident.dead", 3), make_queue("incident.intake.bulk.v1", 4))
    found = backlog(Status(services=(), queues=queues, journal={"sla": (5, 1.0)}), {}, {"gaps": 6})
    assert (found.queued, found.unsent, found.gaps) == (4, 5, 6)


def test_a_house_that_cannot_be_seen_is_not_taken_for_done() -> None:
    assert backlog(Status(services=(), broker_fault="away"), {}, {}).left
    assert backlog(Status(services=(), journal_fault="silent"), {}, {}).left


def test_a_relay_that_does_not_answer_is_not_taken_for_an_empty_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "find_ops_ports", lambda: {"relay": 1})
    monkeypatch.setattr(status, "_queues", lambda: ())
    assert backlog(status.gather(), {}, {}).left


def make_queue(name: str, messages: int) -> QueueState:
    return QueueState(name=name, messages=messages, consumers=1)


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
        "sla": {"priorities": {"P3": {"response": {"met": 3, "breached": 1, "attainment": 0.75}}}, "gaps": 0},
    }
    return Report(**{**fields, **overrides})  # type: ignore[arg-type]


def test_the_report_shows_every_figure(capsys: pytest.CaptureFixture[str]) -> None:
    show(make_report(), Voice(as_json=False))
    text = capsys.readouterr().out
    for words in ("hand-overs between levels", "13", "in_call", "75.0%", "50 a second", "0 dead letters"):
        assert words in text


def test_the_report_as_json_has_the_rate() -> None:
    assert make_report().as_dict()["events_per_second"] == 50.0
