"""Servers that say exactly what a test tells them to."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

USUAL = {
    "greeting": b"220 here\r\n",
    "EHLO": b"250-here\r\n250-STARTTLS\r\n250-AUTH PLAIN LOGIN\r\n250 SIZE 1000\r\n",
    "HELO": b"250 here\r\n",
    "MAIL": b"250 ok\r\n",
    "RCPT": b"250 ok\r\n",
    "DATA": b"354 go ahead\r\n",
    "final": b"250 taken\r\n",
    "RSET": b"250 ok\r\n",
    "QUIT": b"221 bye\r\n",
}


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that handles each connection by `answer`, then closes it; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection, contextlib.suppress(OSError):
                        answer(connection)

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]


def mail_server(answers: Mapping[str, bytes], messages: list[bytes]) -> Callable[[socket.socket], None]:
    """A mail server with USUAL answers but for those given; what it is handed over goes to `messages`."""
    said = {**USUAL, **answers}

    def answer(connection: socket.socket) -> None:
        reader = connection.makefile("rb")
        connection.sendall(said["greeting"])
        for line in reader:
            command = line[:4].upper().decode("ascii", "replace")
            connection.sendall(said.get(command, b"502 what\r\n"))
            if command == "DATA" and said["DATA"].startswith(b"354"):
                message = b""
                while (part := reader.readline()) not in (b".\r\n", b""):
                    message += part
                if not part:
                    return
                messages.append(message)
                connection.sendall(said["final"])

    return answer


def web_server(answer: bytes, *, reads: bool = True) -> Callable[[socket.socket], None]:
    """A receiver that answers this, once it has read the request or, without `reads`, its head alone."""

    def run(connection: socket.socket) -> None:
        reader = connection.makefile("rb")
        length = 0
        while (line := reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        if reads:
            reader.read(length)
        connection.sendall(answer)

    return run
