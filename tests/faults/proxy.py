"""A TCP proxy that breaks connections on demand: refuses, resets, and swallows what goes up, down or both ways."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable

CHUNK = 65536


class Proxy:
    """Listens on a port of its own and forwards to `target`. Its methods may be called from any thread.

    A hole keeps what it swallows: bytes that TCP carries are sent again until they arrive or the connection ends, so
    `heal` lets them through, and `reset` drops them together with their connections.
    """

    def __init__(self, target: int) -> None:
        self._home = self._target = target
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy-{target}", daemon=True)
        self._refusing = False
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    def start(self) -> None:
        """Listen; `port` says where."""
        self._thread.start()
        self._gates = {"up": asyncio.Event(), "down": asyncio.Event()}
        self.port = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        self.heal()

    def close(self) -> None:
        """Drop every connection and stop."""
        self._call(self._drop)
        self._call(self._loop.stop)
        self._thread.join(5)

    def heal(self) -> None:
        """Forward everything, what a hole has kept as well."""
        self._call(self._pass)

    def refuse(self) -> None:
        """Break every connection and end each new one at once, until `heal`."""
        self._call(self._deny)

    def reset(self) -> None:
        """Break every connection (RST); new ones are served as before."""
        self._call(self._drop)

    def hole(self, *, up: bool = True, down: bool = True) -> None:
        """Let nothing through towards the server (`up`), the client (`down`), or either; nobody is told."""
        self._call(lambda: self._shut(up, down))

    def divert(self, target: int) -> None:
        """Lead new connections to another server, until `heal`."""
        self._call(lambda: self._lead(target))

    def _call(self, act: Callable[[], None]) -> None:
        done = threading.Event()

        def run() -> None:
            act()
            done.set()

        self._loop.call_soon_threadsafe(run)
        done.wait(5)

    def _pass(self) -> None:
        self._refusing = False
        self._lead(self._home)
        for gate in self._gates.values():
            gate.set()

    def _lead(self, target: int) -> None:
        self._target = target

    def _deny(self) -> None:
        self._refusing = True
        self._drop()

    def _shut(self, up: bool, down: bool) -> None:
        for name, shut in (("up", up), ("down", down)):
            if shut:
                self._gates[name].clear()

    def _drop(self) -> None:
        for task in self._tasks:
            task.cancel()
        for writer in self._open:
            _break(writer)
        self._open.clear()

    async def _listen(self) -> int:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = server
        return int(server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            _break(writer)
            return
        self._open.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            self._open.discard(writer)
            _break(writer)
            return
        self._open.add(far_writer)
        pumps = [
            self._loop.create_task(self._pump(reader, far_writer, "up")),
            self._loop.create_task(self._pump(far_reader, writer, "down")),
        ]
        self._tasks.update(pumps)
        await asyncio.wait(pumps)
        self._tasks.difference_update(pumps)
        self._open -= {writer, far_writer}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: str) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while data := await reader.read(CHUNK):
                await self._gates[way].wait()
                writer.write(data)
                await writer.drain()
        # The end of a connection travels like its bytes.
        with contextlib.suppress(asyncio.CancelledError):
            await self._gates[way].wait()
        with contextlib.suppress(OSError, RuntimeError):
            writer.close()


def _break(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST: no farewell, and what was on its way is lost."""
    with contextlib.suppress(OSError, AttributeError):
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()
