"""The services over memory, each with its real door and its settings as they are shipped; the broker is a list.

What comes in goes the way of a real message: its bytes are decoded, judged as the entrypoint judges them, and handled.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import orjson

from shared import intake
from shared.command import Commands
from shared.config import Settings
from shared.envelope import MAX_HOPS, Envelope, decode
from shared.errors import DeskwireError
from shared.lease import Leases
from shared.retry import DeadLetter, RetryAfter, decide
from shared.rpc_entrypoint import read_call
from shared.runtime import SETTINGS
from shared.seal import Seal
from shared.store import JOURNAL
from shared.testing import CountingNumbers, MemoryStore, make_instant, make_unit_of_work
from shared.topology import matches

SERVICES = ("incident", "problem", "change", "sla", "notify")


class Service:
    """One service. `events` are its entrypoints by producer."""

    def __init__(self, name: str, at: datetime) -> None:
        module = import_module(f"services.{name}.service")
        self.name = name
        self.consumes = import_module(f"services.{name}.events").CONSUMES
        self.store = MemoryStore()
        self.unit_of_work = make_unit_of_work(self.store, at)
        desk = SimpleNamespace(
            unit_of_work=self.unit_of_work,
            commands=Commands(name, self.unit_of_work),
            numbers=CountingNumbers(),
            seal=Seal(),
            health=SimpleNamespace(draining=False),
        )
        self.door = getattr(module, f"{name.capitalize()}Service")()
        self.door.desk = desk
        self._equip(desk)
        self.leases = Leases(self.store, self.unit_of_work.clock, "here")
        self.relayed = 0

    def _equip(self, desk: Any) -> None:
        """The providers of the door, made as its container makes them."""
        container = SimpleNamespace(config={SETTINGS: Settings.load({})})
        for name in ("parts", "ports"):
            provider = getattr(type(self.door), name, None)
            if provider is not None:
                provider = type(provider)()
                provider.container, provider.runtime = container, desk
                provider.setup()
                setattr(self.door, name, provider.get_dependency(None))

    @property
    def methods(self) -> list[str]:
        """The names of its commands and questions."""
        kinds = {name: getattr(member, "nameko_entrypoints", ()) for name, member in vars(type(self.door)).items()}
        return [name for name, given in kinds.items() if any(type(one).__name__ == "Command" for one in given)]

    def take(self, producer: str, envelope: Envelope) -> DeskwireError | None:
        """Handle one event; what it is rejected with."""
        members = vars(type(self.door)).items()
        for name, member in members:
            for one in getattr(member, "nameko_entrypoints", ()):
                if getattr(one, "_producer", None) == producer:
                    return getattr(self.door, name)([envelope]).rejected.get(envelope.id)
        raise AssertionError(f"{self.name} does not listen to {producer}")

    def published(self) -> list[bytes]:
        """What it has written since it was last asked."""
        rows = list(self.store.collections.get(JOURNAL, {}).values())
        fresh, self.relayed = rows[self.relayed :], len(rows)
        return [row["body"] for row in fresh]


class WholeHouse:
    """All services, and what became of each message."""

    def __init__(self, at: datetime | None = None) -> None:
        self.at = at or make_instant()
        self.services = {name: Service(name, self.at) for name in SERVICES}
        self.events: list[Envelope] = []
        self.dead: list[tuple[str, str]] = []

    def post(self, body: bytes | dict[str, Any]) -> list[DeadLetter | RetryAfter]:
        """A message from outside, and all that follows from it; the verdicts on those that failed at their edge."""
        body = body if isinstance(body, bytes) else orjson.dumps(body)
        verdicts = [
            verdict
            for service in self.services.values()
            if "intake" in service.consumes
            if (verdict := self._deliver(service, "intake", body)) is not None
        ]
        self.settle()
        return verdicts

    def settle(self) -> None:
        """Carry what is published to who listens, until nothing is left."""
        left = deque(self.services)
        while left:
            producer = self.services[left.popleft()]
            for body in producer.published():
                self.events.append(decode(body))
                for service in self.services.values():
                    if self._listens(service, producer.name, self.events[-1]):
                        verdict = self._deliver(service, producer.name, body)
                        self.dead += [] if verdict is None else [(service.name, str(verdict))]
                        left.append(service.name)

    def pass_time(self, by: timedelta) -> None:
        """Let the clocks of all services go on, and what is due come."""
        for service in self.services.values():
            service.unit_of_work.clock.advance(by)
        sla = self.services["sla"]
        lease = sla.leases.acquire("due")
        while lease is not None and sla.door.due(lease):
            pass
        self.settle()

    def call(self, service: str, method: str, body: bytes) -> Any:
        """A call as it comes over the broker: its answer, or the error in it."""
        try:
            request = read_call(body)
        except DeskwireError as error:
            return {"error": error.as_dict()}
        answer = getattr(self.services[service].door, method)(request)
        orjson.dumps(answer)
        return answer

    def _listens(self, service: Service, producer: str, envelope: Envelope) -> bool:
        return any(matches(pattern, envelope.type) for pattern in service.consumes.get(producer, ()))

    def _deliver(self, service: Service, producer: str, body: bytes) -> DeadLetter | RetryAfter | None:
        try:
            envelope = intake.read(body, self.at) if producer == "intake" else decode(body)
            if producer == "intake":
                intake.check(envelope)
                if not self._listens(service, producer, envelope):
                    return None
            assert envelope.hops <= MAX_HOPS
            error: BaseException | None = service.take(producer, envelope)
        except Exception as raised:
            error = raised
        return None if error is None else decide(error, 8)
