"""Where the probe's rooms are, and the topology of the house with the probe in it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import services
from shared.topology import Catalogue, Topology, build

PROBE = Catalogue(
    service="probe",
    publishes={"probe.done": "The probe did something."},
    consumes={"intake": ("probe.do",), "probe": ("probe.#",)},
)


def add_probe() -> None:
    """Make `services.probe` importable, and known to the catalogue, in this process."""
    services.__path__.append(str(Path(__file__).parent / "rooms"))


def probe_topology(ladder: Sequence[timedelta]) -> Topology:
    """The queues of the probe alone: a broker declares them in no time."""
    return build([PROBE], ladder)
