"""The ops port: `/livez`, `/readyz`, `/metrics`, served outside the worker pool, so that a busy service answers.

`/livez` says that the process turns; it asks nothing of others, or an outage of the broker would restart everything.
`/readyz` says that every registered check passes: it answers from what the checks last saw, never with a live call.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from shared import metrics
from shared.errors import Invalid

Check = Callable[[], str | None]
"""Returns None when all is well, else one sentence that says what is not."""

IDLE_SECONDS = 5


class Health:
    """What a process knows of itself."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}
        self.draining = False

    def register(self, name: str, check: Check) -> None:
        """Add a check. It must be quick and must not raise."""
        self._checks[name] = check

    def faults(self) -> dict[str, str]:
        """What is not well, by check; empty means ready."""
        found = {name: check() for name, check in self._checks.items()}
        faults = {name: fault for name, fault in found.items() if fault is not None}
        return {**faults, "process": "is stopping"} if self.draining else faults


class OpsServer:
    """A small HTTP server for probes and scrapers: GET only, short time-outs, nothing else.

    Raises Invalid (`ops-port-taken`) when another program has the port.
    """

    def __init__(self, health: Health, host: str, port: int) -> None:
        class Server(ThreadingHTTPServer):
            daemon_threads = True
            # Another process on the port is an error to be told, not one to share the port with.
            allow_reuse_port = False

        try:
            self._server = Server((host, port), _handler(health))
        except OSError as error:
            raise Invalid(
                f"the ops port {host}:{port} cannot be had ({error.strerror}); set DESKWIRE_OPS_PORT to a free one",
                slug="ops-port-taken",
            ) from None
        self.port: int = self._server.server_address[1]

    def start(self) -> None:
        """Serve in a thread (a green one where the process is patched)."""
        threading.Thread(target=self._server.serve_forever, name="ops", daemon=True).start()


def _handler(health: Health) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = IDLE_SECONDS
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            match self.path:
                case "/livez" | "/healthz":
                    self._answer(200, "text/plain; charset=utf-8", b"alive\n")
                case "/readyz":
                    faults = health.faults()
                    body = json.dumps({"ready": not faults, "faults": faults}).encode() + b"\n"
                    self._answer(503 if faults else 200, "application/json", body)
                case "/metrics":
                    self._answer(200, "text/plain; version=0.0.4; charset=utf-8", metrics.exposition())
                case _:
                    self._answer(404, "text/plain; charset=utf-8", b"not here\n")

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Probes every few seconds are not worth a line."""

    return Handler
