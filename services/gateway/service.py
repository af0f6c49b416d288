"""The door of the gateway: a plain process that answers its ops port until it is told to stop."""

from __future__ import annotations

import signal
import threading

from shared import logs
from shared.config import Settings
from shared.health import Health, OpsServer

log = logs.get(__name__)


def main() -> None:
    """Serve `/livez`, `/readyz` and `/metrics`; returns after SIGTERM or SIGINT."""
    settings = Settings.load()
    stopping = threading.Event()
    health = Health()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    OpsServer(health, settings.ops_host, settings.ops_port).start()
    log.info("started")
    stopping.wait()
    health.draining = True
    log.info("stopped")


if __name__ == "__main__":
    main()
