"""When a process that ended is started again."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from deploy.local.watch import FIRST_PAUSE, FORGIVEN_AFTER, LONGEST_PAUSE, Watched, pause_after


@dataclass
class Part:
    alive: bool = True

    def start(self) -> None:
        self.alive = True


def make_watched(part: Part) -> Watched:
    return Watched(name="sla", part=part, start=part.start, started_at=0.0)


@given(st.integers(1, 10_000))
def test_pauses_grow_and_stay_within_bounds(crashes: int) -> None:
    assert FIRST_PAUSE <= pause_after(crashes) <= pause_after(crashes + 1) <= LONGEST_PAUSE


def test_a_running_part_is_left_alone() -> None:
    assert make_watched(Part()).look(1.0) is None


def test_a_part_that_ended_starts_again_after_its_pause() -> None:
    part = Part(alive=False)
    watched = make_watched(part)
    assert watched.look(1.0) == "sla ended by itself; it is started again in 0.5 s"
    assert watched.look(1.4) is None
    assert not part.alive
    assert watched.look(1.5) == "sla started again"
    assert part.alive
    assert watched.restarts == 1


def test_a_part_that_keeps_ending_waits_longer_each_time() -> None:
    part = Part(alive=False)
    watched = make_watched(part)
    now, said = 0.0, []
    for _ in range(200):
        now += 0.5
        line = watched.look(now)
        if line is not None and "ended" in line:
            said.append(line.rpartition("again in ")[2])
        if line == "sla started again":
            part.alive = False
    assert said[:5] == ["0.5 s", "1 s", "2 s", "4 s", "8 s"]


def test_a_long_good_run_forgives_earlier_ends() -> None:
    part = Part(alive=False)
    watched = make_watched(part)
    watched.look(1.0)
    watched.look(2.0)
    part.alive = False
    watched.look(3.0)
    assert watched.crashes == 2
    watched.look(5.0)
    part.alive = False
    watched.look(5.0 + FORGIVEN_AFTER + 1)
    assert watched.crashes == 1
