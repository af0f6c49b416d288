"""The whole house as processes, on a virtual host and databases of its own: for integration, faults, e2e and bench."""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from pymongo import MongoClient

from deploy.local.access import OPERATOR, RELAY, SENDER
from deploy.local.broker import Broker
from deploy.local.database import Database
from deploy.local.folders import ROOT
from deploy.local.ports import free_port
from deploy.local.process import Child, wait_for
from deploy.local.vhosts import create_vhost, delete_vhost
from shared.config import Settings
from shared.envelope import Envelope, Lane, encode
from shared.publisher import Message, Outcome, Publisher
from shared.relaying import unsent
from shared.retry import LADDER
from shared.rpc import RpcClient
from shared.schema import ensure_all
from shared.topology import INTAKE, Topology, house, routing_key

SERVICES = ("incident", "problem", "change", "sla", "notify", "knowledge", "directory")
RELAY_PROCESS = "relay"
READY_SECONDS = 60.0


class House:
    """Services and relay on a broker and a database that somebody else started."""

    def __init__(
        self,
        broker: Broker,
        database: Database,
        folder: Path,
        *,
        services: Iterable[str] = SERVICES,
        environment: Mapping[str, str] | None = None,
        amqp_port: int | None = None,
        mongodb_uri: str | None = None,
        ladder: tuple[timedelta, ...] = LADDER,
    ) -> None:
        self.broker = broker
        self.database = database
        self.folder = folder
        self.name = f"t{uuid4().hex[:12]}"
        self.vhost = self.name
        self.prefix = f"{self.name}_"
        self._amqp_port = amqp_port
        self._mongodb_uri = mongodb_uri or database.uri
        self._environment = {"DESKWIRE_RETRY_LADDER": ",".join(str(step.total_seconds()) for step in ladder)}
        self._environment.update(environment or {})
        self._ladder = ladder
        self._doorbell = f"127.0.0.1:{free_port()}"
        self.processes: dict[str, Child] = {}
        self.ports: dict[str, int] = {}
        self.services = tuple(services)
        self._publisher: Publisher | None = None
        self._rpc: RpcClient | None = None

    def uri(self, user: str, *, direct: bool = False) -> str:
        """A user's address on this house's virtual host; through the proxy when there is one, unless `direct`."""
        uri = self.broker.uri(user, self.vhost)
        if self._amqp_port is None or direct:
            return uri
        return uri.replace(f":{self.broker.port}/", f":{self._amqp_port}/")

    @property
    def topology(self) -> Topology:
        """The topology that `declare` declared."""
        return house(self._ladder)

    def declare(self) -> None:
        """Make the virtual host and everything in it, and the collections."""
        create_vhost(self.broker, self.vhost)
        from kombu import Connection

        from shared.declaring import declare

        with Connection(self.uri(OPERATOR, direct=True)) as connection:
            declare(self.topology, connection.default_channel)
        ensure_all(Settings.load(self._env("incident", 1) | {"MONGODB_URI": self.database.uri}))

    def start(self, names: Iterable[str] | None = None) -> None:
        """Start the processes and wait until each is ready."""
        wanted = tuple(names) if names is not None else (*self.services, RELAY_PROCESS)
        for name in wanted:
            self.spawn(name)
        for name in wanted:
            self.wait_ready(name)

    def spawn(self, name: str, replica: str = "") -> Child:
        """Start one process, or another replica of it, without waiting."""
        key = name + replica
        port = self.ports.setdefault(key, free_port())
        argv = [sys.executable, "-m", *self.program(name)]
        child = Child(key, argv, env=self._env(name, port), cwd=ROOT, log=self.folder / f"{key}.log")
        child.start()
        self.processes[key] = child
        return child

    def program(self, name: str) -> list[str]:
        """The module that runs a process, with its arguments."""
        return ["shared.relay"] if name == RELAY_PROCESS else ["shared.runner", name]

    def wait_ready(self, name: str, seconds: float = READY_SECONDS) -> None:
        """Wait until a process says that it is ready."""

        def ready() -> bool:
            if not self.processes[name].alive:
                raise AssertionError(f"{name} ended: {self.processes[name].last_lines(10)}")
            return self.get(name, "/readyz")[0] == 200

        assert wait_for(ready, seconds), f"{name} is not ready: {self.get(name, '/readyz')}"

    def get(self, name: str, path: str) -> tuple[int, str]:
        """What a process's ops port answers: status and body; 0 when it does not."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[name]}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def metric(self, process: str, name: str, **labels: str) -> float:
        """The sum of a metric's samples that carry these labels."""
        total = 0.0
        for line in self.get(process, "/metrics")[1].splitlines():
            if line.startswith(name) and all(f'{key}="{value}"' in line for key, value in labels.items()):
                sample, _, value = line.rpartition(" ")
                if sample.split("{")[0] == name:
                    total += float(value)
        return total

    def stop(self) -> None:
        """Stop everything in order and remove the virtual host and the databases."""
        for child in self.processes.values():
            child.ask_to_stop()
        for child in self.processes.values():
            child.stop(30)
        if self._publisher is not None:
            self._publisher.close()
        if self._rpc is not None:
            self._rpc.close()
        with suppress(OSError):
            delete_vhost(self.broker, self.vhost)
        with MongoClient[dict[str, Any]](self.database.uri, serverSelectionTimeoutMS=2000) as client:
            for name in client.list_database_names():
                if name.startswith(self.prefix):
                    client.drop_database(name)

    def publish(self, *envelopes: Envelope, user: str = SENDER) -> list[Outcome]:
        """Publish to the intake as a foreign sender would."""
        return self.publish_raw([intake_message(envelope) for envelope in envelopes], user=user)

    def publish_raw(self, messages: list[Message], user: str = SENDER) -> list[Outcome]:
        """Publish messages as they are."""
        if self._publisher is None:
            self._publisher = Publisher(self.uri(user, direct=True))
        return self._publisher.publish(messages)

    def call(self, service: str, method: str, /, number: str | None = None, **args: Any) -> Any:
        """A command or question as a person would send it."""
        return self.ask(service, method, number, args)

    def ask(self, service: str, method: str, number: str | None, args: Mapping[str, Any], person: str = "alice") -> Any:
        """`call`, by anybody, also with arguments that are called as its own are."""
        if self._rpc is None:
            self._rpc = RpcClient(self.uri(OPERATOR, direct=True), timeout=10)
        actor = {"kind": "person", "id": person, "roles": ["agent"]}
        return self._rpc.call(service, method, {"number": number, "args": dict(args), "actor": actor})

    def client(self) -> MongoClient[dict[str, Any]]:
        """A client on the database itself, past any proxy."""
        return MongoClient(self.database.uri, tz_aware=True, serverSelectionTimeoutMS=5000)

    def rows(self, service: str, collection: str, query: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Documents of a service's collection."""
        with self.client() as client:
            return list(client[f"{self.prefix}{service}"][collection].find(dict(query or {})))

    def queue_lengths(self) -> dict[str, int]:
        """Messages in each queue."""
        from kombu import Connection

        with Connection(self.uri(OPERATOR, direct=True)) as connection:
            channel = connection.default_channel
            return {
                queue.name: channel.queue_declare(queue.name, passive=True).message_count
                for queue in self.topology.queues
            }

    def quiet(self) -> bool:
        """Whether nothing is under way: work and retry queues empty, journals sent."""
        lengths = {name: count for name, count in self.queue_lengths().items() if not name.endswith(".dead")}
        if any(lengths.values()):
            return False
        with self.client() as client:
            return not any(unsent(client[f"{self.prefix}{service}"]) for service in self.services)

    def wait_quiet(self, seconds: float = 60.0, *, also: Callable[[], bool] = lambda: True) -> None:
        """Wait until nothing is under way and `also` holds, seen twice in a row."""
        assert wait_for(lambda: also() and self.quiet() and self.quiet(), seconds), json.dumps(
            {name: count for name, count in self.queue_lengths().items() if count}
        )

    def _env(self, name: str, port: int) -> dict[str, str]:
        user = RELAY if name == RELAY_PROCESS else name
        return {
            **os.environ,
            "AMQP_URI": self.uri(user),
            "MONGODB_URI": self._mongodb_uri,
            "DESKWIRE_DATABASE_PREFIX": self.prefix,
            "DESKWIRE_OPS_PORT": str(port),
            "DESKWIRE_DOORBELL": self._doorbell,
            "PYTHONUNBUFFERED": "1",
            **self._environment,
        }


def intake_message(envelope: Envelope, lane: Lane | None = None) -> Message:
    """The message by which a foreign sender reports this event."""
    return Message(
        exchange=INTAKE,
        routing_key=routing_key(envelope.type, envelope.lane if lane is None else lane),
        body=encode(envelope),
        message_id=envelope.id,
    )
