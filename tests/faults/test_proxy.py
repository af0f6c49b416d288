"""What the proxy does to a connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.faults.proxy import Proxy

SOON = 0.2


@pytest.fixture
def echo() -> Iterator[int]:
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=_echo, args=(peer,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()[1]
    server.close()


def _echo(peer: socket.socket) -> None:
    try:
        while data := peer.recv(100):
            peer.sendall(data)
    except OSError:
        pass


@pytest.fixture
def proxy(echo: int) -> Iterator[Proxy]:
    one = Proxy(echo)
    one.start()
    yield one
    one.close()


def dial(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def say(peer: socket.socket, data: bytes) -> bytes:
    peer.sendall(data)
    return peer.recv(100)


def test_what_is_said_is_answered(proxy: Proxy) -> None:
    assert say(dial(proxy), b"hello") == b"hello"


@pytest.mark.parametrize("ways", [{"up": True, "down": False}, {"up": False, "down": True}, {}])
def test_a_hole_keeps_silent_until_it_is_healed(proxy: Proxy, ways: dict[str, bool]) -> None:
    peer = dial(proxy)
    say(peer, b"hello")
    proxy.hole(**ways)
    peer.sendall(b"anybody?")
    peer.settimeout(SOON)
    with pytest.raises(TimeoutError):
        peer.recv(100)
    peer.settimeout(5)
    proxy.heal()
    assert peer.recv(100) == b"anybody?"


def test_a_reset_breaks_connections_and_lets_new_ones_in(proxy: Proxy) -> None:
    peer = dial(proxy)
    say(peer, b"hello")
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        peer.recv(100)
    assert say(dial(proxy), b"again") == b"again"


def test_nobody_gets_through_while_it_refuses(proxy: Proxy) -> None:
    proxy.refuse()
    with pytest.raises(OSError):
        say(dial(proxy), b"hello")
    proxy.heal()
    assert say(dial(proxy), b"hello") == b"hello"
