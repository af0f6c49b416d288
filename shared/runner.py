"""Runs one service as a process: `python -m shared.runner incident`.

Stops in order at SIGTERM or SIGINT: no new work, everything in hand settled, then the connections; a deadline
(`DESKWIRE_STOP_SECONDS`) ends even that. Exit codes: 0 stopped in order, 1 failed, 78 wrong configuration.
"""

# The standard library must be green first: pymongo patched late fails entirely (docs/measurements.md).
import warnings

# Nine lines at each start that an operator can do nothing about; ADR 1 says what we do.
warnings.filterwarnings("ignore", r"\s*Eventlet is deprecated")

import eventlet  # noqa: E402

eventlet.monkey_patch()

import gc  # noqa: E402
import importlib  # noqa: E402
import os  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
from typing import Any  # noqa: E402

from eventlet.debug import hub_exceptions  # noqa: E402
from eventlet.event import Event  # noqa: E402
from nameko.containers import ServiceContainer  # noqa: E402

from shared import logs  # noqa: E402
from shared.config import Settings, SettingsError  # noqa: E402
from shared.errors import EXIT_CONFIGURATION, Invalid  # noqa: E402
from shared.queue_check import QueueMismatch  # noqa: E402
from shared.runtime import SETTINGS  # noqa: E402

log = logs.get(__name__)


def main(arguments: list[str]) -> int:
    """Run the service named by the only argument until it is told to stop; returns the exit code."""
    (service,) = arguments
    try:
        settings = Settings.load()
    except SettingsError as error:
        print(f"deskwire {service}: {error.message}", file=sys.stderr)
        return EXIT_CONFIGURATION
    logs.configure(service, level=settings.log_level, fmt=settings.log_format)
    container = ServiceContainer(find(service), {"AMQP_URI": settings.amqp_uri, SETTINGS: settings})
    return _run(container, settings)


def find(service: str) -> type:
    """The service's class: the one in its `service.py` that carries its name."""
    module = importlib.import_module(f"services.{service}.service")
    classes = (one for one in vars(module).values() if isinstance(one, type) and one.__module__ == module.__name__)
    return next(one for one in classes if getattr(one, "name", None) == service)


def _run(container: Any, settings: Settings) -> int:
    asked = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None if asked.ready() else asked.send(None))
    eventlet.spawn_n(_stop_when, asked, container, settings.stop_seconds)
    try:
        # What fails at the start is told below, in a sentence where it is a setting; the hub would print it as well.
        hub_exceptions(False)
        container.start()
        hub_exceptions(True)
        # What was made by now stays: the collector need not walk through it again, nor start for every batch.
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        container.wait()
    # Before the first message comes, what is invalid is a settings file.
    except (QueueMismatch, Invalid) as error:
        log.error("cannot start", error=str(error))
        return EXIT_CONFIGURATION
    except Exception:
        log.exception("failed")
        return 1
    log.info("stopped")
    return 0


def _stop_when(asked: Event, container: Any, seconds: float) -> None:
    asked.wait()
    log.info("stopping")
    eventlet.spawn_after(seconds, _give_up)
    container.stop()


def _give_up() -> None:
    log.error("did not stop in time; what was in hand is delivered again")
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
