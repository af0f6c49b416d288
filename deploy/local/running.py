"""What other commands know of the running stack: `run.json` for anybody, `uris.json` for its owner alone."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import IO, Any

from deploy.local.folders import Folders
from deploy.local.passwords import write_private
from deploy.local.stack import Addresses
from shared.errors import Unavailable


class AlreadyRunning(Unavailable):
    """A stack runs on this `var`."""

    slug = "already-running"


class NoPlace(Unavailable):
    """The folder for the data cannot be made or written."""

    slug = "no-place"


class NotRunning(Unavailable):
    """No stack runs on this `var`."""

    slug = "not-running"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningProcess:
    """One process of the stack. `restarts` counts how often it had to be started again."""

    pid: int | None
    ops_port: int
    restarts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningStack:
    """The stack as its supervisor last wrote it. Addresses are without passwords; `ready` turns true once."""

    pid: int
    started_at: str
    ready: bool
    amqp: str
    mongodb: str
    broker_pids: tuple[int, ...] = ()
    database_pids: tuple[int, ...] = ()
    processes: Mapping[str, RunningProcess] = field(default_factory=dict)


def write(folders: Folders, stack: RunningStack) -> None:
    """Tell other commands."""
    fresh = folders.run_file.with_name("run.json.new")
    fresh.write_text(json.dumps({**asdict(stack), "uris_file": str(folders.addresses)}, indent=2) + "\n")
    fresh.replace(folders.run_file)


def forget(folders: Folders) -> None:
    """The stack is gone."""
    folders.run_file.unlink(missing_ok=True)
    folders.addresses.unlink(missing_ok=True)


def write_addresses(folders: Folders, addresses: Addresses) -> None:
    """Keep the addresses with their passwords for the commands of the same owner."""
    write_private(folders.addresses, asdict(addresses))


def read_addresses(folders: Folders) -> Addresses:
    """The addresses of the running stack. Raises NotRunning."""
    found = _read(folders, folders.addresses.name)
    return Addresses(**found)


def read(folders: Folders) -> RunningStack:
    """The running stack. Raises NotRunning when there is none, also after one was killed."""
    found = _read(folders, folders.run_file.name)
    found.pop("uris_file", None)
    processes = {name: RunningProcess(**process) for name, process in found.pop("processes").items()}
    stack = RunningStack(**found, processes=processes)
    if not is_locked(folders):
        raise NotRunning("Deskwire does not run here: start it with `make run`.")
    return stack


def take_lock(folders: Folders) -> IO[str]:
    """Hold the returned file open for as long as the stack runs; the kernel lets go of it with the process.

    Raises AlreadyRunning, which says where the other one is, and NoPlace.
    """
    try:
        folders.var.mkdir(parents=True, exist_ok=True)
        lock = folders.lock.open("a+")
    except OSError as error:
        raise NoPlace(
            f"The data cannot be kept in {folders.var} ({error.strerror}): "
            "run as the folder's owner, or set DESKWIRE_VAR to a folder of yours."
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise AlreadyRunning(
            f"Deskwire already runs here (process {holder}): stop it with Ctrl-C in its terminal or `kill {holder}`."
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def is_locked(folders: Folders) -> bool:
    """Whether a supervisor holds the lock now."""
    try:
        with folders.lock.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _read(folders: Folders, name: str) -> dict[str, Any]:
    try:
        found = json.loads((folders.var / name).read_text())
    except (FileNotFoundError, NotADirectoryError):
        raise NotRunning("Deskwire does not run here: start it with `make run`.") from None
    except PermissionError:
        raise NotRunning(f"{folders.var / name} belongs to another user: ask as the one who started it.") from None
    return dict(found)
