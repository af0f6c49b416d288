"""What other commands know of the stack."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from deploy.local import running
from deploy.local.folders import Folders
from deploy.local.running import AlreadyRunning, NotRunning, RunningProcess, RunningStack
from deploy.local.stack import Addresses


def make_folders(tmp_path: Path) -> Folders:
    return Folders(root=tmp_path, var=tmp_path / "var")


def make_stack() -> RunningStack:
    return RunningStack(
        pid=1,
        started_at="2026-03-02T09:00:00.000Z",
        ready=True,
        amqp="amqp://operator@127.0.0.1:5672/deskwire",
        mongodb="mongodb://127.0.0.1:27017/",
        processes={"sla": RunningProcess(pid=2, ops_port=9704, restarts=1)},
    )


def test_the_running_stack_is_read_as_it_was_written(tmp_path: Path) -> None:
    folders = make_folders(tmp_path)
    with running.take_lock(folders):
        running.write(folders, make_stack())
        found = running.read(folders)
    assert found.processes == make_stack().processes
    assert found.pid == 1


def test_a_second_stack_on_the_same_data_is_refused_in_one_sentence(tmp_path: Path) -> None:
    folders = make_folders(tmp_path)
    with running.take_lock(folders), pytest.raises(AlreadyRunning, match=r"already runs here \(process \d+\)"):
        running.take_lock(folders)


def test_the_file_of_a_killed_stack_is_not_believed(tmp_path: Path) -> None:
    folders = make_folders(tmp_path)
    folders.var.mkdir()
    running.write(folders, make_stack())
    with pytest.raises(NotRunning):
        running.read(folders)


def test_addresses_are_for_their_owner_alone(tmp_path: Path) -> None:
    folders = make_folders(tmp_path)
    addresses = Addresses(amqp={"operator": "amqp://operator:secret@broker/"}, mongodb="mongodb://database/")
    running.write_addresses(folders, addresses)
    assert stat.S_IMODE(folders.addresses.stat().st_mode) == 0o600
    assert running.read_addresses(folders) == addresses
