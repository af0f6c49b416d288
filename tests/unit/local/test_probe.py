"""What is made of an answer on an ops port."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from deploy.local.probe import metrics, readiness

HEAD = b"HTTP/1.1 %s\r\nContent-Length: 30\r\n\r\n"


@pytest.fixture(params=["200 OK", "503 Service Unavailable"])
def cut_short(request: pytest.FixtureRequest) -> Iterator[int]:
    """The port of a process that is gone before it has said all that it promised."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)

        def answer() -> None:
            caller, _ = server.accept()
            with caller:
                caller.recv(4096)
                caller.sendall(HEAD % request.param.encode())

        answering = threading.Thread(target=answer)
        answering.start()
        yield server.getsockname()[1]
        answering.join()


def test_a_process_that_dies_while_it_answers_does_not_answer(cut_short: int) -> None:
    assert readiness(cut_short) is None


def test_metrics_that_are_cut_short_are_none(cut_short: int) -> None:
    assert metrics(cut_short) is None
