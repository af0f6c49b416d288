"""The life of a stack, with stand-ins for its processes and somebody else's broker and database."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy.local import running
from deploy.local.backing import Backing
from deploy.local.database import Database
from deploy.local.folders import ROOT, Folders
from deploy.local.parts import Parts
from deploy.local.ports import free_port, listens
from deploy.local.stack import Addresses, Plan
from deploy.local.standstill import GRACE_SECONDS
from deploy.local.stop import Stop
from deploy.local.supervisor import StandsStill, StartFailed, Supervisor

USERS = ("good", "relay", "operator", "sender")


class Notes:
    """Keeps what a person would have read; may stop the stack at a certain sentence."""

    def __init__(self, stop: Stop, stop_at: str | None = None) -> None:
        self.lines: list[str] = []
        self._stop = stop
        self._stop_at = stop_at

    def starting(self, names: Sequence[str]) -> None:
        self.lines.append(f"starting {' '.join(names)}")

    def ready(self, name: str, seconds: float) -> None:
        self.lines.append(f"{name} ready")

    def say(self, sentence: str) -> None:
        self.lines.append(sentence)
        if sentence == self._stop_at:
            self._stop.wish()


def make_plan(name: str, ops_port: int) -> Plan:
    environment = {"DESKWIRE_OPS_PORT": str(ops_port), "AMQP_URI": "amqp://x/", "MONGODB_URI": "mongodb://x/"}
    return Plan(name=name, module=("tests.integration.local.standin", name), ops_port=ops_port, environment=environment)


def make_supervisor(
    tmp_path: Path,
    *names: str,
    stop_at: str | None = None,
    declare: str = "tests.integration.local.nothing",
    database: Database | None = None,
    grace: float = GRACE_SECONDS,
) -> tuple[Supervisor, Notes, Stop, Folders]:
    folders, stop = Folders(root=ROOT, var=tmp_path), Stop()
    notes = Notes(stop, stop_at)
    addresses = Addresses.of_one("amqp://user:secret@broker/", "mongodb://database/", USERS)
    parts = Parts(
        backing=Backing(broker=None, database=database, addresses=addresses),
        plans=tuple(make_plan(name, free_port()) for name in names),
        declare=(declare,),
    )
    return Supervisor(folders, parts, notes, stop, grace=grace), notes, stop, folders


def test_a_stack_gets_ready_tells_and_stops_without_a_trace(tmp_path: Path) -> None:
    supervisor, notes, stop, folders = make_supervisor(tmp_path, "good", "relay")
    ports: list[int] = []

    def when_up() -> None:
        with running.take_lock(folders):
            stack = running.read(folders)
        assert stack.ready
        assert stack.amqp == "amqp://user@broker/"
        ports.extend(process.ops_port for process in stack.processes.values())
        assert all(listens(port) for port in ports)
        stop.wish()

    supervisor.run(when_up)
    assert notes.lines.index("topology ready") < notes.lines.index("good ready")
    assert len(ports) == 2
    assert not any(listens(port) for port in ports)
    assert not folders.run_file.exists()
    assert not folders.addresses.exists()


def test_a_process_that_is_killed_comes_back(tmp_path: Path) -> None:
    supervisor, notes, _, folders = make_supervisor(tmp_path, "good", stop_at="good started again")

    def kill_it() -> None:
        with running.take_lock(folders):
            pid = running.read(folders).processes["good"].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    supervisor.run(kill_it)
    assert "good ended by itself; it is started again in 0.5 s" in notes.lines


def test_a_process_that_never_starts_is_a_fault_with_its_own_words(tmp_path: Path) -> None:
    supervisor, _, _, _ = make_supervisor(tmp_path, "broken")
    with pytest.raises(StartFailed, match=r"broken cannot start: .*DESKWIRE_OPS_PORT is wrong"):
        supervisor.run(lambda: None)


def test_without_its_topology_nothing_is_up(tmp_path: Path) -> None:
    supervisor, notes, _, _ = make_supervisor(tmp_path, "good", declare="tests.integration.local.nowhere")
    with pytest.raises(StartFailed, match="topology does not start"):
        supervisor.run(lambda: None)
    assert "good ready" not in notes.lines


def test_a_database_that_commits_nothing_is_started_again_three_times_and_then_the_stack_stops_and_says_why(
    tmp_path: Path,
) -> None:
    database = Database(tmp_path / "database", cache="128M")
    supervisor, notes, _, _ = make_supervisor(tmp_path, "waiting", database=database, grace=0.5)
    with pytest.raises(StandsStill, match=r"after 3 restarts.*9 documents for ticket\.action x 3"):
        supervisor.run(lambda: None)
    restarts = [line for line in notes.lines if "The database started again" in line]
    assert restarts == [f"The database started again ({n} of 3 times within an hour)" for n in (1, 2, 3)]
    assert not database.alive


def test_a_second_wish_to_stop_does_not_wait(tmp_path: Path) -> None:
    supervisor, notes, stop, _ = make_supervisor(tmp_path, "stubborn")

    def wish_twice() -> None:
        stop.wish()
        stop.stopping = True
        stop.wish()

    supervisor.run(wish_twice)
    assert "stubborn did not stop in time and was killed." in notes.lines
