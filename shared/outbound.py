"""Connections to the outside whose every step ends in time and in bounded memory, whatever the other side does.

The clients of the standard library bound a single wait, not a whole answer: a peer that drips a byte a second, or that
never stops sending, keeps them for ever, and a socket that always has data keeps a green thread's turn, so that no
timeout of the process fires. Here:
- `allow` sets an end for everything up to the next `allow`; reading and writing past it raise TimeIsUp.
- What is received is counted; past `most_bytes` it raises AnswerTooLong.
- At each piece other green threads have their turn (`time.sleep(0)`, which the runner has made green).
- TLS runs over memory (ssl.MemoryBIO), so that the same holds within a handshake or a stream of empty records.

Both errors are OSErrors: a client that knows a broken connection knows them.
"""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections.abc import Sequence
from typing import Any

PIECE = 16 * 1024
"""Bytes that are read or written at a time: the size of a TLS record."""
MOST_BYTES = 256 * 1024
"""Of an answer: of HTTP its head is read, of SMTP a few lines; certificates are in it, too."""


class TimeIsUp(TimeoutError):
    """A step did not end in the time it was given."""


class AnswerTooLong(OSError):
    """The other side sent more than any answer needs."""


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, best first. Raises OSError when it has none, or is no name at all."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"{host!r} is no name: {error}") from None
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def connect(addresses: Sequence[str], port: int, seconds: float, *, most_bytes: int = MOST_BYTES) -> OutboundSocket:
    """A connection to the first of `addresses` that answers.

    All of this, and what follows until the next `allow`, must be done within `seconds`. Raises OSError.
    """
    deadline = time.monotonic() + seconds
    failure: OSError = OSError("there is no address to connect to")
    for place, address in enumerate(addresses):
        # One that says nothing must leave time for the others.
        share = (deadline - time.monotonic()) / (len(addresses) - place)
        if share <= 0:
            break
        try:
            plain = socket.create_connection((address, port), share)
        except OSError as error:
            failure = error
        else:
            outbound = OutboundSocket(plain, most_bytes)
            outbound.allow(seconds, since=deadline - seconds)
            return outbound
    if isinstance(failure, TimeoutError) or time.monotonic() >= deadline:
        raise TimeIsUp(f"no connection within {seconds:g} s") from failure
    raise failure


class OutboundSocket:
    """A connected stream: as much of a socket as `http.client` and `smtplib` ask for."""

    def __init__(self, plain: socket.socket, most_bytes: int = MOST_BYTES) -> None:
        self._plain = plain
        self._most_bytes = most_bytes
        self._seconds = self._deadline = 0.0
        self._received = 0
        self._tls: ssl.SSLObject | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()

    def allow(self, seconds: float, *, since: float | None = None) -> None:
        """From now on (or from the monotonic time `since`), everything up to the next call must end in `seconds`."""
        self._seconds = seconds
        self._deadline = (time.monotonic() if since is None else since) + seconds

    def start_tls(self, context: ssl.SSLContext, server_hostname: str) -> None:
        """Go on in TLS, with the name checked as `context` says. Raises ssl.SSLError, which is an OSError.

        A dot behind the name is for its look-up alone: no certificate has one (RFC 6066, section 3).
        """
        name = server_hostname.removesuffix(".")
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        self._over_tls(self._tls.do_handshake)

    def recv(self, count: int) -> bytes:
        """Up to `count` bytes; none at the end of the stream."""
        count = min(count, PIECE)
        if self._tls is None:
            return self._receive(count)
        try:
            return bytes(self._over_tls(self._tls.read, count))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    def sendall(self, content: bytes) -> None:
        """Write all of it. Where it raises, the last byte has not left."""
        for start in range(0, len(content), PIECE):
            piece = bytes(content[start : start + PIECE])
            if self._tls is None:
                self._write(piece)
            else:
                self._over_tls(self._tls.write, piece)

    def makefile(self, _mode: str = "rb", _buffering: int = -1) -> io.BufferedReader:
        """A reader of the stream; both clients read by one."""
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        """Drop the connection without a farewell, which could take time."""
        self._plain.close()

    def _over_tls(self, operation: Any, *arguments: Any) -> Any:
        while True:
            try:
                result = operation(*arguments)
            except ssl.SSLWantReadError:
                self._flush()
                piece = self._receive(PIECE)
                if piece:
                    self._incoming.write(piece)
                else:
                    self._incoming.write_eof()
                continue
            self._flush()
            return result

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._write(self._outgoing.read())

    def _receive(self, count: int) -> bytes:
        self._plain.settimeout(self._left())
        try:
            piece = self._plain.recv(count)
        except TimeoutError:
            raise self._time_is_up() from None
        self._received += len(piece)
        if self._received > self._most_bytes:
            raise AnswerTooLong(f"more than {self._most_bytes} bytes came")
        time.sleep(0)
        return piece

    def _write(self, content: bytes) -> None:
        rest = memoryview(content)
        while rest:
            # Before it and not after it: who is ended here has not sent the last byte.
            time.sleep(0)
            self._plain.settimeout(self._left())
            try:
                rest = rest[self._plain.send(rest) :]
            except TimeoutError:
                raise self._time_is_up() from None

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise self._time_is_up()
        return left

    def _time_is_up(self) -> TimeIsUp:
        return TimeIsUp(f"not done within {self._seconds:g} s")


class _Reader(io.RawIOBase):
    def __init__(self, source: OutboundSocket) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._source.recv(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)
