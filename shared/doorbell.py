"""A hint to the relay that a journal has new rows: one datagram, of which nothing depends.

The relay looks at each journal by itself now and then; rung at, it looks at once. A hint that is lost costs the wait
until the next look, and a false one costs a look.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from shared import logs

log = logs.get(__name__)

LONGEST = 64
"""Bytes of a hint: the name of a service."""


def parse(address: str) -> tuple[str, int]:
    """`host:port` as its parts. Raises ValueError when it is neither that nor a port."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError("must be host:port, such as 127.0.0.1:9790")
    return host, int(port)


def _find(address: str) -> tuple[int, int, Any]:
    """Family, kind and place of a socket. Raises OSError when there is no such host."""
    host, port = parse(address)
    family, kind, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    return family, kind, place


class Doorbell:
    """A service's end. Without an address, or with one that cannot be found, `ring` does nothing.

    A name is looked up once, at the start: it must keep its address.
    """

    def __init__(self, address: str, service: str) -> None:
        self._hint = service.encode()
        self._socket: socket.socket | None = None
        if address:
            try:
                family, kind, self._place = _find(address)
                self._socket = socket.socket(family, kind)
                self._socket.setblocking(False)
            except OSError as error:
                log.warning("no hint can be given", address=address, error=str(error))

    def ring(self) -> None:
        """Hint; never raises and never waits."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.sendto(self._hint, self._place)


class Bells:
    """The relay's end: an event for each service, set when its journal has something new.

    `heard` is false where no hint can come: without an address, or when another relay of the machine listens there.
    """

    def __init__(self, address: str, services: Iterable[str]) -> None:
        self.rung = {service: threading.Event() for service in services}
        self.heard = False
        if not address:
            return
        try:
            family, kind, place = _find(address)
            listening = socket.socket(family, kind)
            listening.bind(place)
        except OSError as error:
            log.warning("no hint can be heard", address=address, error=str(error))
            return
        self.heard = True
        threading.Thread(target=self._listen, args=(listening,), name="doorbell", daemon=True).start()

    def _listen(self, listening: socket.socket) -> None:
        while True:
            hint = listening.recv(LONGEST)
            event = self.rung.get(hint.decode(errors="replace"))
            if event is not None:
                event.set()
