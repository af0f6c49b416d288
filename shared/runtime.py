"""What a service has at hand: settings, store, unit of work, publisher, health; made once for each process."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any

import eventlet
from eventlet.event import Event
from nameko.extensions import DependencyProvider, SharedExtension

from shared import logs, metrics
from shared.audit import anchor
from shared.clock import Clock, SystemClock
from shared.command import Commands
from shared.config import Settings
from shared.consumer import SafeConsumer
from shared.doorbell import Doorbell
from shared.envelope import Envelope
from shared.errors import Conflict, DeskwireError, Unavailable
from shared.health import Health, OpsServer
from shared.ids import SystemIds
from shared.lease import Lease, Leases
from shared.mongo import MongoStore, connect
from shared.numbers import Numbers
from shared.publisher import Publisher
from shared.schema import ensure_service
from shared.seal import Seal
from shared.store import Document
from shared.unit_of_work import UnitOfWork, Work

log = logs.get(__name__)

WATCH_SECONDS = 5.0

SETTINGS = "deskwire"
"""Where the runner puts the settings in nameko's configuration."""


class Runtime(SharedExtension):
    """The parts of one service's process, shared by its entrypoints and its provider."""

    @cached_property
    def consumer(self) -> SafeConsumer:
        """The process's receiving connection; entrypoints subscribe during set-up, in any order."""
        settings: Settings = self.container.config[SETTINGS]
        return SafeConsumer(settings.amqp_uri, self.container.service_name)

    def setup(self) -> None:
        """Open what can be opened; waits for the database, with `/readyz` saying so, rather than dying of it."""
        self.service: str = self.container.service_name
        self.settings: Settings = self.container.config[SETTINGS]
        self.clock: Clock = SystemClock()
        self.ids = SystemIds()
        self.health = Health()
        self.health.register("start", lambda: None if self._ready else "is starting")
        self._ready = False
        self._stopping = Event()
        OpsServer(self.health, self.settings.ops_host, self.settings.ops_port).start()
        self.database = connect(
            self.settings.mongodb_uri, f"{self.settings.database_prefix}{self.service}", self.service
        )
        self.store = MongoStore(self.database)
        self.unit_of_work = UnitOfWork(
            self.store,
            self.clock,
            self.ids,
            pause=eventlet.sleep,
            ring=Doorbell(self.settings.doorbell, self.service).ring,
            share=lambda: self.store.commits.share,
        )
        self.commands = Commands(self.service, self.unit_of_work)
        self.numbers = Numbers(self.store, self.settings.number_block)
        self.seal = Seal()
        self.publisher = Publisher(self.settings.amqp_uri)
        self.holder = f"{socket.gethostname()}:{os.getpid()}"
        self.leases = Leases(self.store, self.clock, self.holder, span=timedelta(seconds=5))
        self._await_database()
        self.health.register("broker", lambda: self.consumer.fault)
        self.health.register("database", lambda: self.store.fault)
        self.health.register("commits", self.store.commits.fault)
        metrics.DATABASE_STANDSTILL.labels(service=self.service).set_function(lambda: self.store.commits.seconds)

    def start(self) -> None:
        """Begin to receive; every entrypoint has subscribed by now."""
        self._thread = self.container.spawn_managed_thread(self.consumer.run, identifier="consumer")
        self._watching = self.container.spawn_managed_thread(self._watch, identifier="watch")
        self._ready = True
        log.info("started")

    def stop(self) -> None:
        """After the entrypoints have ended."""
        self.consumer.stop()
        self._thread.wait()
        self._stopping.send(None)
        self._watching.wait()
        self.publisher.close()

    def _watch(self) -> None:
        """Look at the database now and then, so that `/readyz` knows; anchor the audit when it is time, and at the end.

        One replica at a time writes anchors, by lease.
        """
        every = timedelta(seconds=self.settings.anchor_seconds)
        while not self._stopping.ready():
            with eventlet.Timeout(min(WATCH_SECONDS, self.settings.anchor_seconds), False):
                self._stopping.wait()
            try:
                lease = self.leases.acquire("anchor")
                while lease is not None and self._anchor(lease, timedelta() if self._stopping.ready() else every):
                    eventlet.sleep(0)
            except DeskwireError as error:
                log.warning("no anchor", error=str(error))
        try:
            self.leases.release("anchor")
        except DeskwireError as error:
            log.warning("could not give the lease back", lease="anchor", error=str(error))

    def _anchor(self, lease: Lease, every: timedelta) -> bool:
        def block(work: Work) -> Document | None:
            work.fence(lease.name, lease.token)
            return anchor(work, work.now, every=every)

        written = self.unit_of_work.run(block)
        if written is None:
            return False
        log.info("audit anchor", number=written["number"], digest=written["digest"], position=written["position"])
        return True

    def _await_database(self) -> None:
        pause = 0.1
        while True:
            try:
                ensure_service(self.service, self.settings, self.database)
                self.store.end_abandoned()
                return
            except (Unavailable, Conflict) as error:
                log.warning("waiting for the database", error=str(error))
                eventlet.sleep(pause)
                pause = min(pause * 2, 2.0)


class Desk(DependencyProvider):
    """Gives a service class its runtime: `desk = Desk()`, then `self.desk.unit_of_work` and so on."""

    runtime = Runtime()

    def get_dependency(self, _worker_ctx: Any) -> Runtime:
        return self.runtime

    def worker_setup(self, worker_ctx: Any) -> None:
        """Let every log line of the worker say what it is about. A worker is a green thread of its own."""
        logs.bind(**trail(worker_ctx.args))


def trail(arguments: Sequence[Any]) -> dict[str, Any]:
    """What an entrypoint was called with, as fields of a log line: of a batch its first event and its size."""
    subject = arguments[0] if arguments else None
    if isinstance(subject, Mapping):
        found = subject.get("correlationid")
        return {"correlationid": found} if isinstance(found, str) else {}
    if not isinstance(subject, Sequence) or not subject or not isinstance(subject[0], Envelope):
        return {}
    first = subject[0]
    return {"id": first.id, "correlationid": first.correlationid or first.id, "events": len(subject)}
