"""Everything a run stands on: a broker and a database of its own, proxies before both, sinks, and the house."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from deploy.local.access import find_services, rights_by_user
from deploy.local.broker import Broker
from deploy.local.database import Database
from deploy.local.folders import ROOT
from deploy.local.ports import free_port
from deploy.local.process import wait_for
from shared.config import SETTINGS_FOLDER
from shared.deadletter import DeadLetter
from shared.deadqueue import browse
from tests.faults.extra import STUBBORN
from tests.faults.proxy import Proxy
from tests.faults.sinks import EVENT_MARK, Sinks
from tests.house import RELAY_PROCESS, SERVICES, House

LADDER = tuple(timedelta(seconds=step) for step in (0.2, 0.5, 1, 2))
ATTEMPTS = 6
READY_SECONDS = 60.0
STOP_SECONDS = 30.0
PROCESSES = (*SERVICES, STUBBORN, RELAY_PROCESS)
SECRET = "whsec_ZmF1bHRzLWZhdWx0cy1mYXVsdHMtZmF1bHRz"

WANTED: Mapping[str, tuple[tuple[str, str], ...]] = {
    "incident.opened": (("desk", "email"), ("hook", "webhook")),
    "incident.resolved": (("desk", "email"),),
    "sla.breached": (("hook", "webhook"),),
    "change.unauthorised": (("desk", "email"),),
}
"""Who is told of which event on which channel: what notify is set to, and what the run expects of it."""


class FaultyHouse(House):
    """The house with the extra service in it."""

    def program(self, name: str) -> list[str]:
        return ["tests.faults.run_extra", name] if name == STUBBORN else super().program(name)


class Stage:
    """Started parts, and what can be done with them. Faults are the nemesis's business."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        users = rights_by_user((*find_services(ROOT), STUBBORN))
        self.broker = Broker(folder / "broker", management_port=free_port(), users=users)
        self.database = Database(folder / "database")
        self.amqp = Proxy(self.broker.port)
        self.mongodb = Proxy(self.database.port)
        self.sinks = Sinks()
        self.mail = Proxy(self.sinks.smtp_port)
        self.web = Proxy(self.sinks.http_port)
        self.links = {"amqp": self.amqp, "mongodb": self.mongodb, "mail": self.mail, "web": self.web}
        self.servers: dict[str, Broker | Database] = {"broker": self.broker, "database": self.database}
        self.ended: list[str] = []

    def start(self) -> None:
        """Start all and wait until it is ready."""
        self.broker.spawn()
        self.database.start()
        for part in (self.sinks, *self.links.values()):
            part.start()
        assert wait_for(self.broker.ready, READY_SECONDS), f"the broker is not ready; see {self.broker.log}"
        self.house = FaultyHouse(
            self.broker,
            self.database,
            self.folder / "house",
            services=(*SERVICES, STUBBORN),
            amqp_port=self.amqp.port,
            mongodb_uri=f"mongodb://127.0.0.1:{self.mongodb.port}/?directConnection=true",
            ladder=LADDER,
            environment=self._environment(),
        )
        self.house.declare()
        self.house.start()

    def stop(self) -> None:
        """Stop all, at the end of a run however it went."""
        for proxy in self.links.values():
            proxy.heal()
        for child in self.house.processes.values():
            child.kill()
        self.broker.kill()
        self.database.kill()
        self.sinks.close()
        for proxy in self.links.values():
            proxy.close()

    def _environment(self) -> dict[str, str]:
        file = self.folder / "notify.yaml"
        file.write_text(yaml.safe_dump(notify_settings(self.web.port)))
        desk = self.folder / "incident.yaml"
        desk.write_text(yaml.safe_dump(incident_settings()))
        return {
            "DESKWIRE_INCIDENT_FILE": str(desk),
            "DESKWIRE_NOTIFY_FILE": str(file),
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(self.mail.port),
            "DESKWIRE_RETRY_ATTEMPTS": str(ATTEMPTS),
            "DESKWIRE_ANCHOR_SECONDS": "5",
            # Small batches: more transactions for a kill to fall into.
            "DESKWIRE_BATCH": "8",
        }

    def restart(self, name: str) -> None:
        """Start a process again that has ended; does not wait."""
        self.house.spawn(name)

    def stop_process(self, name: str) -> None:
        """SIGTERM, and wait; an exit code other than 0 is written down."""
        child = self.house.processes[name]
        child.ask_to_stop()
        if not wait_for(lambda: not child.alive, STOP_SECONDS):
            self.ended.append(f"{name} did not stop within {STOP_SECONDS:.0f} s")
            child.kill()
        elif child.exit_code != 0:
            self.ended.append(f"{name} stopped with exit code {child.exit_code}")

    def recover(self, seconds: float = READY_SECONDS) -> float:
        """Wait until every process is ready; returns how long that took. What has ended by itself is started."""
        started = time.monotonic()
        for name in list(self.house.processes):
            while not wait_for(lambda name=name: self._ready(name), 0.0):  # type: ignore[misc]
                if time.monotonic() - started > seconds:
                    raise AssertionError(
                        f"{name} is not ready after {seconds:.0f} s: {self.house.get(name, '/readyz')}"
                    )
                time.sleep(0.05)
        return time.monotonic() - started

    def _ready(self, name: str) -> bool:
        child = self.house.processes[name]
        if not child.alive:
            self.ended.append(f"{name} ended by itself with exit code {child.exit_code}: {child.last_lines(3)}")
            self.restart(name)
            return False
        return self.house.get(name, "/readyz")[0] == 200

    def dead_letters(self) -> list[DeadLetter]:
        """Everything in the dead queues."""
        from kombu import Connection

        found: list[DeadLetter] = []
        with Connection(self.house.uri("operator", direct=True)) as connection:
            for name in (*SERVICES, STUBBORN):
                channel = connection.channel()
                found += browse(channel, name, limit=1_000_000)
                channel.close()
        return found


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """A stage that is gone afterwards."""
    stage = Stage(folder)
    try:
        stage.start()
        yield stage
    finally:
        stage.stop()


def incident_settings() -> dict[str, Any]:
    """As they are shipped, but what clears is over at once: a run does not wait for it to settle."""
    shipped: dict[str, Any] = yaml.safe_load((SETTINGS_FOLDER / "incident.yaml").read_text())
    return {**shipped, "flapping": {"times": 100}}


def notify_settings(http_port: int) -> dict[str, Any]:
    """The settings file of notify for a run: a rule for each pair of WANTED, with short leases and much patience."""
    rules = []
    for event, recipients in WANTED.items():
        for name, channel in recipients:
            rule: dict[str, Any] = {"name": f"{event}-{channel}", "events": [event], "to": [name], "channel": channel}
            if channel == "email":
                rule |= {"subject": f"{event}", "text": f"{EVENT_MARK} {{{{ event.id }}}}\n"}
            rules.append(rule)
    return {
        "domain": "faults.localhost",
        "patience": {
            name: {"doubtful_pauses_minutes": [0.02] * 50, "longest_pause_minutes": 0.1}
            for name in ("email", "webhook")
        },
        "concurrent": 20,
        "lease_seconds": 5,
        "smtp": {"sender": "desk@faults.localhost", "timeout_seconds": 2.0},
        "webhook": {"allow_http": True, "allow_private": True, "timeout_seconds": 2.0},
        "addresses": {
            "desk": {"email": "desk@faults.localhost"},
            "hook": {"webhook": {"url": f"http://127.0.0.1:{http_port}/hook", "secret": SECRET}},
        },
        "rules": rules,
    }
