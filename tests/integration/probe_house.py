"""A house with the probe in it: its topology is declared in no time and its one service starts alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import amqp
from kombu import Connection

from deploy.local.access import OPERATOR
from deploy.local.broker import Broker
from deploy.local.database import Database
from deploy.local.process import wait_for
from shared.clock import SystemClock
from shared.deadletter import DeadLetter
from shared.deadqueue import browse
from shared.envelope import Envelope
from shared.ids import SystemIds
from shared.testing import make_envelope
from shared.topology import Topology
from tests.house import RELAY_PROCESS, House, intake_message
from tests.integration.probe_service.catalogue import probe_topology

LADDER = (timedelta(seconds=0.2), timedelta(seconds=0.4))
ATTEMPTS = 4
IDS = SystemIds()


class ProbeHouse(House):
    """The probe, and the relay of its journal, on a virtual host and a database of their own."""

    def __init__(self, *places: Any, environment: Mapping[str, str] | None = None, **options: Any) -> None:
        quick = {"DESKWIRE_RETRY_ATTEMPTS": str(ATTEMPTS), "DESKWIRE_BATCH": "10", **(environment or {})}
        super().__init__(*places, services=["probe"], environment=quick, ladder=LADDER, **options)

    @property
    def topology(self) -> Topology:
        return probe_topology(LADDER)

    def program(self, name: str) -> list[str]:
        return ["tests.integration.probe_service", "relay" if name == RELAY_PROCESS else "service"]

    def tell(self, *acts: str, **overrides: Any) -> list[Envelope]:
        """Publish one event for each act, and return them."""
        made = [make_do(act, **overrides) for act in acts]
        self.publish_raw([intake_message(one) for one in made], user=OPERATOR)
        return made

    def kept(self) -> set[str]:
        """The ids of the events that had their effect."""
        return {row["_id"].rpartition(":")[2] for row in self.rows("probe", "kept")}

    def attempts(self, envelope: Envelope) -> list[Any]:
        """When the probe was given this event, in order."""
        return sorted(row["at"] for row in self.rows("probe", "attempts", {"event": envelope.id}))

    def dead(self) -> dict[str, DeadLetter]:
        """The dead letters by message id."""
        with self.channel() as channel:
            return {letter.message_id: letter for letter in browse(channel, "probe")}

    def bury(self) -> None:
        """Empty the dead letters."""
        with self.channel() as channel:
            channel.queue_purge("probe.dead")

    @contextmanager
    def channel(self) -> Iterator[amqp.Channel]:
        """A channel of the operator's; bodies come as bytes."""
        with Connection(self.uri(OPERATOR, direct=True)) as connection:
            connection.default_channel.auto_decode = False
            yield connection.default_channel

    def _env(self, name: str, port: int) -> dict[str, str]:
        if name == RELAY_PROCESS:
            return super()._env(name, port)
        return {**super()._env("incident", port), "AMQP_URI": self.uri(OPERATOR)}


def make_do(act: str, **overrides: Any) -> Envelope:
    """An event that tells the probe what to do."""
    data = {"act": act, **overrides.pop("data", {})}
    return make_envelope(
        **{"id": IDS.new(), "type": "probe.do", "time": SystemClock().now(), "data": data, **overrides}
    )


@contextmanager
def probe_house(broker: Broker, database: Database, folder: Path, **options: Any) -> Iterator[ProbeHouse]:
    """A house that is declared, and stopped at the end; nothing is started yet."""
    house = ProbeHouse(broker, database, folder, **options)
    house.declare()
    try:
        yield house
    finally:
        house.stop()


def eventually(condition: Any, seconds: float = 15.0) -> None:
    """Wait until the condition holds; says what it saw when it does not."""
    assert wait_for(condition, seconds), f"not within {seconds:g} s"
