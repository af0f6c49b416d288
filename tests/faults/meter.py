"""Counters of the services over a scenario, in which processes come and go and take their counters with them."""

from __future__ import annotations

from tests.faults.stage import PROCESSES, Stage
from tests.house import RELAY_PROCESS


class Meter:
    """How much one counter rose in all services together since `start`, but for what a kill took with it."""

    def __init__(self, stage: Stage, metric: str, **labels: str) -> None:
        self._stage = stage
        self._metric = metric
        self._labels = labels
        self._before: dict[str, float] = {}
        self._gone = 0.0

    def start(self) -> None:
        """Count from here."""
        self._gone = 0.0
        self._before = {name: self._read(name) for name in PROCESSES if name != RELAY_PROCESS}

    def leaving(self, name: str) -> None:
        """Read a process that is about to end; the one after it counts from 0."""
        if name in self._before:
            self._gone += self._read(name) - self._before[name]
            self._before[name] = 0.0

    def total(self) -> int:
        """The rise so far."""
        return int(self._gone + sum(max(0.0, self._read(name) - before) for name, before in self._before.items()))

    def _read(self, name: str) -> float:
        return self._stage.house.metric(name, self._metric, **self._labels)
