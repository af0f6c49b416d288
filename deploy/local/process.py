"""Child processes that never outlive the process that started them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_SET_PARENT_DEATH_SIGNAL = 1
_ROTATE_BYTES = 20 * 1024 * 1024
_POLL = 0.02

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def _tether(parent: int) -> Callable[[], None]:
    """Make the kernel kill the child when `parent` dies, even by kill -9. Elsewhere than on Linux: does nothing.

    The kernel ties the child to the thread that forked it: start children from a thread that lives as long as
    they should.
    """

    def apply() -> None:
        if _libc is not None:
            _libc.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    return apply


class Child:
    """One program, in a session of its own, its output appended to a log file.

    `stop` asks, waits and then kills the whole group; `kill` does not ask. Both return when nothing of it is left,
    and do nothing when it does not run. A log over 20 MB is put aside as `<log>.1` at the next start.
    """

    def __init__(self, name: str, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path) -> None:
        self.name = name
        self.argv = tuple(argv)
        self.env = dict(env)
        self.cwd = cwd
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it. Raises OSError when the program cannot be run."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        _rotate(self.log)
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                self.argv,
                env=self.env,
                cwd=self.cwd,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_tether(os.getpid()),
            )

    @property
    def pid(self) -> int | None:
        """The process id, also after its end; None before the first start."""
        return None if self._process is None else self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs now."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Its exit code (minus the signal's number when a signal ended it); None while it runs."""
        return None if self._process is None else self._process.poll()

    def ask_to_stop(self) -> None:
        """Send SIGTERM to the program alone, and return at once."""
        if self.alive:
            self._signal(signal.SIGTERM)

    def stop(self, deadline: float) -> bool:
        """SIGTERM, at most `deadline` seconds, then SIGKILL. True when the program ended by itself."""
        self.ask_to_stop()
        ended = wait_for(lambda: not self.alive, deadline)
        self.kill()
        return ended

    def kill(self) -> None:
        """SIGKILL to the program and all of its group; waits until it is gone."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def last_lines(self, count: int = 5) -> list[str]:
        """The end of its log."""
        try:
            text = self.log.read_bytes()[-16_384:].decode(errors="replace")
        except OSError:
            return []
        return text.splitlines()[-count:]

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, number)


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    """Ask `condition` until it holds or `seconds` have passed; tells which."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= end:
            return False
        time.sleep(_POLL)
    return True


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > _ROTATE_BYTES:
        log.replace(log.with_suffix(log.suffix + ".1"))
