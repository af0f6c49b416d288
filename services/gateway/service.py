"""The door of the gateway: a plain process that answers its ops port until it is told to stop.

Exit codes are those of `shared.runner`: 0 stopped in order, 78 wrong configuration.
"""

from __future__ import annotations

import signal
import sys
import threading

from shared import logs
from shared.config import Settings, SettingsError
from shared.errors import EXIT_CONFIGURATION, Invalid
from shared.health import Health, OpsServer

log = logs.get(__name__)


def main() -> int:
    """Serve `/livez`, `/readyz` and `/metrics`; returns the exit code after SIGTERM or SIGINT."""
    try:
        settings = Settings.load()
    except SettingsError as error:
        print(f"deskwire gateway: {error.message}", file=sys.stderr)
        return EXIT_CONFIGURATION
    logs.configure("gateway", level=settings.log_level, fmt=settings.log_format)
    stopping = threading.Event()
    health = Health()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        OpsServer(health, settings.ops_host, settings.ops_port).start()
    except Invalid as error:
        log.error("cannot start", error=str(error))
        return EXIT_CONFIGURATION
    log.info("started")
    stopping.wait()
    health.draining = True
    log.info("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
