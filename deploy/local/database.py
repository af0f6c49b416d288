"""The embedded database: a program that speaks MongoDB's wire protocol, started and never imported."""

from __future__ import annotations

import os
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from deploy.local.folders import ROOT
from deploy.local.packages import ProgramMissing
from deploy.local.ports import free_port, listens
from deploy.local.process import Child, wait_for
from shared.errors import Unavailable

START_SECONDS = 30.0
STOP_SECONDS = 15.0
CACHE = "512M"
"""It takes memory only as data comes. Transactions that hold more than a twentieth of it together make the server stand
still for ever (docs/measurements.md)."""


class DatabaseFailed(Unavailable):
    """The database did not come up; the message names its log."""

    slug = "database-failed"


def find_server(programs: Path = ROOT / ".venv" / "bin") -> Path:
    """The server's program. Raises ProgramMissing when the virtual environment does not hold it."""
    found = programs / "secantusd-rs"
    if not found.exists():
        raise ProgramMissing(f"{found} is missing: run `make setup`, or set MONGODB_URI to a MongoDB that you have.")
    return found


def answers(uri: str, seconds: float = 2.0) -> bool:
    """Whether a database answers a ping at `uri`."""
    try:
        with MongoClient[dict[str, object]](uri, serverSelectionTimeoutMS=int(seconds * 1000)) as client:
            client.admin.command("ping")
    except (PyMongoError, ValueError):
        # A port that is no number is not an error of pymongo's own kind.
        return False
    return True


class Database:
    """One server on the loopback address, its data in `folder`.

    What it acknowledged survives a kill -9 (`--sync-on-commit`). `start` returns when it answers; `stop` and `kill`
    return when it is gone. It dies with the process (thread, on Linux) that started it.
    """

    def __init__(self, folder: Path, *, port: int | None = None, cache: str = CACHE) -> None:
        self.folder = folder.resolve()
        self.port = port if port is not None else free_port()
        self._cache = cache
        self._server: Child | None = None

    @property
    def uri(self) -> str:
        """Its address."""
        return f"mongodb://127.0.0.1:{self.port}/"

    @property
    def log(self) -> Path:
        """Its log."""
        return self.folder / "database.log"

    @property
    def pids(self) -> tuple[int, ...]:
        """Its process id, while it runs."""
        return (self._server.pid,) if self._server is not None and self.alive and self._server.pid else ()

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self._server is not None and self._server.alive

    def start(self, seconds: float = START_SECONDS) -> None:
        """Start and wait until it answers. Raises DatabaseFailed or ProgramMissing, and leaves no process then."""
        self.spawn()
        if not wait_for(lambda: not self.alive or self.ready(), seconds) or not self.alive:
            self.kill()
            raise DatabaseFailed(f"The database did not start within {seconds:.0f} s; {self.log} says why.")

    def spawn(self) -> None:
        """Start without waiting."""
        self.folder.mkdir(parents=True, exist_ok=True)
        argv = [
            str(find_server()),
            *("--host", "127.0.0.1", "--port", str(self.port)),
            *("--storage-path", str(self.folder / "data")),
            # Without it a kill -9 loses acknowledged writes (measured: 69 of 10,049 inserts).
            "--sync-on-commit",
            # The log of changes that feeds change streams, which nobody reads here. Written ahead like the data, it
            # doubles what each commit syncs, and throughput halves within minutes (docs/measurements.md).
            "--oplog-nonlogged",
            *("--cache-size", self._cache, "--log-level", "WARNING"),
            # At each start it reads its whole log several times over, sparse or not: with its default of 2 GB that
            # was 16 GiB and 10 to 20 s.
            *("--log-file-max", "64MB"),
        ]
        self._server = Child("database", argv, env=dict(os.environ), cwd=self.folder, log=self.log)
        self._server.start()

    def ready(self) -> bool:
        """Whether it answers now."""
        return listens(self.port) and answers(self.uri, 0.5)

    def stop(self, seconds: float = STOP_SECONDS) -> bool:
        """Stop in order; killed after `seconds`. True when it ended by itself."""
        return self._server.stop(seconds) if self._server is not None else True

    def kill(self) -> None:
        """kill -9: as a power failure would."""
        if self._server is not None:
            self._server.kill()

    def restart(self, seconds: float = START_SECONDS) -> None:
        """Stop in order and start again on the same port and data."""
        self.stop()
        self.start(seconds)
