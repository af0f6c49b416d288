"""The relay's process: publishes the journals of all services (`python -m shared.relay`) or of those named.

At least once, never zero times. A plain process without eventlet. Each service's journal has one relay at a time, by
lease, so that any number of these processes may run. How a journal is relayed stands in `shared.relaying`.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from shared import logs, metrics
from shared.clock import Clock, SystemClock
from shared.config import Settings, SettingsError
from shared.doorbell import Bells
from shared.errors import EXIT_CONFIGURATION, Conflict, DeskwireError, Invalid, Unavailable
from shared.health import Health, OpsServer
from shared.lease import Leases
from shared.mongo import MongoStore, connect
from shared.publisher import Publisher
from shared.relaying import BATCH, NACKED_RETRY, REST, Relay
from shared.topology import catalogue, house

log = logs.get(__name__)

IDLE_SECONDS = 5.0
IDLE_POLL_SECONDS = 0.1
LOOK_SECONDS = 0.25
"""How often a journal is looked at whose events no queue takes, and any that rings when it has something new."""
SHORTEST_SECONDS = 0.005
"""Between two turns: what is stored meanwhile shares a transaction."""


def make(service: str, settings: Settings, clock: Clock) -> Relay:
    """The relay of one service with its connections."""
    database = connect(settings.mongodb_uri, f"{settings.database_prefix}{service}", f"relay-{service}")
    holder = f"{socket.gethostname()}:{os.getpid()}:relay"
    leases = Leases(MongoStore(database), clock, holder, span=timedelta(seconds=5))
    publisher = Publisher(settings.amqp_uri)
    return Relay(service, database, publisher, house(settings.retry_ladder), clock, leases)


def _work(relay: Relay, poll: float, rung: threading.Event, heard: bool, stopping: threading.Event) -> None:
    pause = poll
    quiet_since = time.monotonic()
    while not stopping.is_set():
        rung.clear()
        try:
            sent = relay.turn()
            if sent:
                quiet_since = time.monotonic()
            # A desk at rest is looked at less often: an event after a pause waits up to a tenth of a second.
            idle = time.monotonic() - quiet_since > IDLE_SECONDS
            pause = max(IDLE_POLL_SECONDS, poll) if idle else poll
            if relay.resting:
                pause = min(pause, NACKED_RETRY.total_seconds())
            if relay.behind:
                pause = min(pause, REST.total_seconds())
        except Conflict:
            sent = 0
        except Unavailable as error:
            sent, pause = 0, min(max(pause, 0.1) * 2, 2.0)
            relay.fault = str(error)
            log.warning("cannot relay", of=relay.service, error=str(error))
        except Exception as error:
            sent, pause = 0, 2.0
            relay.fault = f"{type(error).__name__}: {error}"[:300]
            log.exception("cannot relay", of=relay.service)
        if sent:
            stopping.wait(SHORTEST_SECONDS)
        # Who is not told of what is new looks again at once, as long as there was something.
        # A stop that came since the bell was silenced would not be heard any more.
        if (not sent or (heard and sent < BATCH)) and not stopping.is_set():
            rung.wait(pause)
    try:
        relay.stop()
    except DeskwireError as error:
        log.warning("could not give the lease back", of=relay.service, error=str(error))


def _standstill(relay: Relay) -> float:
    return relay.commits.seconds


def main(arguments: Sequence[str]) -> int:
    """Relay the journals of the named services, or of all, until told to stop."""
    try:
        settings = Settings.load()
    except SettingsError as error:
        print(f"deskwire relay: {error.message}", file=sys.stderr)
        return EXIT_CONFIGURATION
    logs.configure("relay", level=settings.log_level, fmt=settings.log_format)
    clock = SystemClock()
    services = list(arguments) or [one.service for one in catalogue() if one.publishes]
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    health = Health()
    try:
        OpsServer(health, settings.ops_host, settings.ops_port).start()
    except Invalid as error:
        log.error("cannot start", error=str(error))
        return EXIT_CONFIGURATION
    bells = Bells(settings.doorbell, services)
    threads, waited_for = [], []
    for relay in (make(service, settings, clock) for service in services):
        health.register(relay.service, lambda relay=relay: relay.fault)  # type: ignore[misc]
        health.register(f"{relay.service} commits", relay.commits.fault)
        metrics.DATABASE_STANDSTILL.labels(service=relay.service).set_function(partial(_standstill, relay))
        # Nobody waits for events that no queue takes, and each look that finds some costs a commit.
        rung = bells.rung[relay.service] if relay.consumed else threading.Event()
        slow = bells.heard or not relay.consumed
        poll = max(LOOK_SECONDS, settings.relay_poll_seconds) if slow else settings.relay_poll_seconds
        waited_for.append(rung)
        work = (relay, poll, rung, slow, stopping)
        threads.append(threading.Thread(target=_work, args=work, name=relay.service))
        threads[-1].start()
    log.info("started", services=services)
    stopping.wait()
    for rung in waited_for:
        rung.set()
    for thread in threads:
        thread.join()
    log.info("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
