"""Events kept on disk while the broker is away: one file each, in the order in which they were reported.

A file is complete or absent: it is written under another name, synced, renamed, and the folder is synced, so that
neither a crash nor a power cut leaves half an event. Several processes may share a folder.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import stat
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from deskwire_client.errors import SpoolFull
from deskwire_client.event import MAX_BYTES as MAX_BODY
from deskwire_client.event import Event, read

try:
    import fcntl
except ImportError:  # Windows has no flock: there, one process at a time may use a spool.
    fcntl = None  # type: ignore[assignment]

MAX_EVENTS = 10_000
MAX_BYTES = 64 * 1024 * 1024
_NAME = re.compile(r"[0-9]{20}-[0-9a-f]{32}\.json")


@dataclass(frozen=True)
class SetAside:
    """An event that can never be sent as it is: the file that holds it, and why."""

    file: str
    reason: str


@dataclass(frozen=True)
class Batch:
    """Events that wait, each with the name of its file; and the names that were `passed` over, with why."""

    events: Sequence[tuple[str, Event]]
    passed: Mapping[str, str]


class Spool:
    """A folder of events that wait. It is bounded by count and bytes; at a bound it refuses the newest event."""

    def __init__(self, folder: str | Path, *, max_events: int = MAX_EVENTS, max_bytes: int = MAX_BYTES) -> None:
        self.folder = Path(folder)
        self._max_events = max_events
        self._max_bytes = max_bytes

    def __len__(self) -> int:
        return len(self._names())

    def put(self, event: Event) -> None:
        """Keep an event: on return it survives a power cut. One that is kept already is not kept twice.

        Raises SpoolFull at a bound and when the folder cannot be written.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            names = self._names()
            if any(name.endswith(_tail(event)) for name in names):
                return
            self._check_room(names, len(event.body))
            self._write(_next(names) + _tail(event), event.body)
        except OSError as error:
            raise SpoolFull(f"the spool {self.folder} cannot be written: {error.strerror or error}") from error

    def oldest(self, limit: int, *, done: Collection[str] = ()) -> list[tuple[str, Event]]:
        """The events of `batch`."""
        return list(self.batch(limit, done=done).events)

    def left(self, *, besides: Collection[str] = ()) -> int:
        """How many files of events there are but these. Raises OSError when the folder cannot be read."""
        return len(set(self._names()).difference(besides))

    def batch(self, limit: int, *, done: Collection[str] = ()) -> Batch:
        """The first `limit` events, but those `done`. A file that holds no valid event is set aside.

        What cannot be read, or set aside, is passed over and stays: it may be another user's, or whole on another day.
        Raises OSError when the folder cannot be read.
        """
        events: list[tuple[str, Event]] = []
        passed: dict[str, str] = {}
        for name in self._names():
            if len(events) == limit:
                break
            if name in done:
                continue
            try:
                events.append((name, read(_content(self.folder / name))))
            except (ValueError, RecursionError) as error:
                try:
                    self.set_aside(name, f"not a valid event: {error}")
                except OSError as trouble:
                    passed[name] = _words(trouble)
            except OSError as error:
                # Gone since it was listed: another process has sent it.
                if os.path.lexists(self.folder / name):
                    passed[name] = _words(error)
        return Batch(events, passed)

    def remove(self, name: str) -> None:
        """Forget an event that the broker has confirmed. Raises OSError when the folder cannot be written."""
        (self.folder / name).unlink(missing_ok=True)

    def set_aside(self, name: str, reason: str) -> None:
        """Keep an event that can never be sent as `<name>.broken`, out of the others' way, and why as `.reason`.

        Raises OSError when the folder cannot be written.
        """
        path = self.folder / name
        path.replace(path.with_suffix(".broken"))
        # A full disk has no room for the reason; the event is out of the way all the same.
        with contextlib.suppress(OSError):
            _write_new(path.with_suffix(".reason"), f"{reason}\n".encode(errors="backslashreplace"))

    def aside(self) -> list[SetAside]:
        """What was set aside and is still there, oldest first; nothing where the folder cannot be read."""
        try:
            return [SetAside(str(path), _reason_of(path)) for path in sorted(self.folder.glob("*.broken"))]
        except OSError:
            return []

    @contextlib.contextmanager
    def locked(self, seconds: float, *, pause: Callable[[float], None] = time.sleep) -> Iterator[bool]:
        """Hold the right to send what is kept; False when another process holds it for all of `seconds`.

        Raises OSError when the folder cannot be written: then nobody can hold it.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Never waited for and never emptied: what stands there may be no file, or another's.
        descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | getattr(os, "O_NONBLOCK", 0), 0o666)
        try:
            yield _lock(descriptor, time.monotonic() + seconds, pause)
        finally:
            os.close(descriptor)

    def _names(self) -> list[str]:
        try:
            return sorted(filter(_NAME.fullmatch, os.listdir(self.folder)))
        except FileNotFoundError:
            return []

    def _check_room(self, names: list[str], size: int) -> None:
        if len(names) >= self._max_events:
            raise SpoolFull(f"the spool {self.folder} holds {len(names)} events, its bound")
        if sum(_size(self.folder / name) for name in names) + size > self._max_bytes:
            raise SpoolFull(f"the spool {self.folder} would pass its bound of {self._max_bytes} bytes")

    def _write(self, name: str, body: bytes) -> None:
        part = self.folder / f".{name}.{os.getpid()}.part"
        try:
            _write_new(part, body)
            os.replace(part, self.folder / name)
        except OSError:
            part.unlink(missing_ok=True)
            raise
        _sync_folder(self.folder)


def _content(path: Path) -> bytes:
    """The bytes of a file. Raises OSError for anything else, without waiting for it as one waits at a pipe."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a file")
        content = file.read(MAX_BODY + 1)
    if len(content) > MAX_BODY:
        raise ValueError(f"more than {MAX_BODY} bytes")
    return content


def _write_new(path: Path, content: bytes) -> None:
    """A file that was not there before, synced: what another user put in its place is neither followed nor filled."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _words(error: OSError) -> str:
    return error.strerror or str(error)


def _reason_of(broken: Path) -> str:
    try:
        return _content(broken.with_suffix(".reason")).decode(errors="replace").strip()
    except (OSError, ValueError):
        return "unknown"


def _next(names: list[str]) -> str:
    # Later than everything kept even when the machine's clock was set back, so that the order holds.
    last = int(names[-1].split("-", 1)[0]) if names else 0
    return f"{max(time.time_ns(), last + 1):020d}"


def _tail(event: Event) -> str:
    # An id is the caller's text, which a file name may not be able to hold; source and id together are unique.
    return f"-{hashlib.sha256(f'{event.source} {event.id}'.encode()).hexdigest()[:32]}.json"


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, until: float, pause: Callable[[float], None]) -> bool:
    if fcntl is None:
        return True
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() >= until:
                return False
            pause(0.05)
        else:
            return True
