"""Mail servers and webhook receivers that go wrong at one step and then never stop: for tests of deadlines.

Up to the step the peer behaves; from there on it is silent, drips, or sends without end, until its caller hangs up.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum


class Manner(StrEnum):
    """How a peer misbehaves."""

    SILENT = "silent"
    DRIPPING = "dripping"
    ENDLESS = "endless"
    CLOSING = "closing"


SMTP_STEPS = ("greeting", "ehlo", "mail", "rcpt", "data", "final", "quit")
HTTP_STEPS = ("status", "informational", "headers", "body", "chunks")
HANDED_OVER = frozenset({"final", *HTTP_STEPS})
"""At these steps the message has left already."""
ANSWERED = frozenset({"quit", "headers", "body", "chunks"})
"""At these the answer has come, and what follows is nobody's concern."""

_ENDLESS = {
    "greeting": b"220-still here\r\n",
    "data": b"354-still here\r\n",
    "quit": b"221-still here\r\n",
    "status": b"X" * 64,
    "informational": b"HTTP/1.1 100 Continue\r\n\r\n",
    "headers": b"X-More: and more\r\n",
    "body": b"more of it ",
    "chunks": b"5\r\nagain\r\n",
}
_HEADS = {
    "headers": b"HTTP/1.1 200 OK\r\n",
    "body": b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
}


Took = Callable[[list[bytes], bytes], None]


class Peer:
    """One such server on a port of its own. `calls` counts its connections.

    `took` is called with each message that it has said yes to: its head and its body.
    """

    def __init__(self, step: str, manner: Manner, took: Took = lambda _head, _body: None) -> None:
        self.step = step
        self.manner = manner
        self.took = took
        self.calls = 0
        self._closed = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = int(self._server.getsockname()[1])
        self._serve = _http if step in HTTP_STEPS else _smtp
        threading.Thread(target=self._accept, name=f"{step} {manner}", daemon=True).start()

    def close(self) -> None:
        """Stop; connections that are open end by themselves."""
        self._closed.set()
        self._server.close()

    def misbehave(self, connection: socket.socket) -> None:
        """Go wrong until the caller hangs up."""
        if self.manner is Manner.CLOSING:
            return
        piece = _ENDLESS.get(self.step, b"250-still here\r\n") * 500 if self.manner is Manner.ENDLESS else b"2"
        if self.manner is Manner.SILENT:
            connection.recv(65536)
            return
        while not self._closed.is_set():
            connection.sendall(piece)
            if self.manner is Manner.DRIPPING:
                self._closed.wait(0.05)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                self.calls += 1
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            self._serve(self, connection)


@contextmanager
def peer(step: str, manner: Manner, took: Took = lambda _head, _body: None) -> Iterator[Peer]:
    """A peer that runs within the block."""
    running = Peer(step, manner, took)
    try:
        yield running
    finally:
        running.close()


def _smtp(server: Peer, connection: socket.socket) -> None:
    reader = connection.makefile("rb")
    answers: dict[bytes, tuple[str, bytes]] = {
        b"EHLO": ("ehlo", b"250-here\r\n250 SIZE 1000000\r\n"),
        b"MAIL": ("mail", b"250 ok\r\n"),
        b"RCPT": ("rcpt", b"250 ok\r\n"),
        b"DATA": ("data", b"354 go ahead\r\n"),
        b"QUIT": ("quit", b"221 bye\r\n"),
    }

    def at(step: str, answer: bytes) -> bool:
        if server.step == step:
            server.misbehave(connection)
            return False
        connection.sendall(answer)
        return True

    if not at("greeting", b"220 here\r\n"):
        return
    for line in reader:
        step, answer = answers[line[:4].upper()]
        if not at(step, answer):
            return
        if step == "data":
            message = b""
            while (part := reader.readline()) not in (b".\r\n", b""):
                message += part
            if server.step != "final":
                server.took([], message)
            if not at("final", b"250 taken\r\n"):
                return


def _http(server: Peer, connection: socket.socket) -> None:
    reader = connection.makefile("rb")
    head, length = [], 0
    while (line := reader.readline()) not in (b"\r\n", b""):
        head.append(line)
        name, _, value = line.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    body = reader.read(length)
    if server.step in ANSWERED:
        server.took(head, body)
    connection.sendall(_HEADS.get(server.step, b""))
    server.misbehave(connection)
