"""One machine on which somebody types: its data folder, its ports, and what runs on it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.folders import ROOT
from deploy.local.ports import free_port, is_free
from deploy.local.process import wait_for
from deploy.local.stack import OPS_ORDER

UP_SECONDS = 150.0
"""Far beyond what a start takes, so that a busy machine does not fail a test that measures nothing."""
STOP_SECONDS = 90.0
UP = "Deskwire is up"
LAST = "amqp-publish -u"
"""In the last line of what a start prints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command did: its exit code, and what it wrote where."""

    code: int
    out: str
    err: str


@dataclass(slots=True, kw_only=True)
class Machine:
    """Ports and a `var` of its own; the code is the repository's."""

    folder: Path
    ops_base: int = field(default_factory=lambda: free_row(len(OPS_ORDER)))
    amqp_port: int = field(default_factory=free_port)
    mongodb_port: int = field(default_factory=free_port)

    @property
    def var(self) -> Path:
        """Where its data is kept."""
        return self.folder / "var"

    def environment(self, **more: str) -> dict[str, str]:
        """What the person's shell has set."""
        own = {
            "DESKWIRE_VAR": str(self.var),
            "DESKWIRE_OPS_BASE": str(self.ops_base),
            "DESKWIRE_AMQP_PORT": str(self.amqp_port),
            "DESKWIRE_MONGODB_PORT": str(self.mongodb_port),
        }
        # make tells its children of itself; a person's shell was not started by make.
        kept = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
        return {**kept, **own, **more}

    def type(self, command: str, **more: str) -> Answer:
        """Type a command and wait for its end."""
        done = subprocess.run(
            ["bash", "-c", command], cwd=ROOT, env=self.environment(**more), capture_output=True, text=True, timeout=60
        )
        return Answer(code=done.returncode, out=done.stdout, err=done.stderr)

    def start(self, command: str) -> Running:
        """Type the command that starts everything, and wait until it says that it is up."""
        running = Running(command, self)
        assert wait_for(lambda: running.ended or LAST in running.said(), UP_SECONDS), running.said()
        assert not running.ended, running.said()
        return running

    def processes(self) -> list[int]:
        """Every process that was started for this `var`, its broker's and database's too."""
        return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _speaks_of(pid, str(self.var))]

    def clear(self) -> None:
        """Kill what a failed test has left behind."""
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def resident_bytes(self) -> int:
        """The memory of all of them."""
        return sum(_resident(pid) for pid in self.processes())


class Running:
    """A command that runs in a terminal of its own."""

    def __init__(self, command: str, machine: Machine) -> None:
        self.began = time.monotonic()
        self._log = machine.folder / f"terminal-{self.began:.3f}.log"
        with self._log.open("wb") as out:
            self.process = subprocess.Popen(
                ["bash", "-c", f"exec {command}"],
                cwd=ROOT,
                env=machine.environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def said(self) -> str:
        """All that it has printed."""
        return self._log.read_text(errors="replace")

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.process.poll() is not None

    def ctrl_c(self) -> int:
        """As a terminal does it: SIGINT to every process in its foreground. Returns the exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(STOP_SECONDS)

    def close(self) -> None:
        """Whatever happened, nothing of it is left."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def free_row(length: int) -> int:
    """The first of a row of free ports, outside the range from which the kernel gives ports away.

    Each process of a run looks in a range of its own: whoever takes a row listens on it only a moment later.
    """
    process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = 20_000 + process % 4 * 3_000
    for base in range(first, first + 3_000 - length, length):
        if all(is_free(port) for port in range(base, base + length)):
            return base
    raise AssertionError("no row of free ports")


def taken(port: int) -> closing[socket.socket]:
    """Somebody who listens on a port, until the block ends."""
    other = socket.create_server(("127.0.0.1", port))
    return closing(other)


def sender_uri(said: str) -> str:
    """The address for foreign senders that a start prints."""
    found = re.search(r"amqp://sender:\S+", said)
    assert found is not None, said
    return found.group()


def _speaks_of(pid: int, text: str) -> bool:
    for name in ("cmdline", "environ"):
        try:
            if text.encode() in Path(f"/proc/{pid}/{name}").read_bytes():
                return True
        except OSError:
            continue
    return False


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
