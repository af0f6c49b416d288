"""The door of sla."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from services.sla import handlers, schemas, storage
from services.sla.settings import parse_agreements
from shared import metrics
from shared.entrypoints import Runtime, command, events, tick
from shared.envelope import Envelope
from shared.lease import Lease
from shared.unit_of_work import Taken


class SlaService:
    """Clocks: folded from incident events, looked at by a tick, asked for by RPC."""

    name = "sla"
    runtime = Runtime("sla")
    clocks = storage.clocks(schemas.snapshot)

    @events("incident")
    def on_incident(self, envelopes: Sequence[Envelope]) -> Taken:
        """Fold a batch of incident events."""
        return handlers.take_incidents(
            self.runtime.unit_of_work,
            envelopes,
            clocks=self.clocks,
            agreements=self._agreements,
            read=schemas.read_entry,
            observe_breach=_count_breach,
        )

    @tick("due", every=1.0)
    def due(self, lease: Lease) -> int:
        """Act on thresholds whose instant has come."""
        return handlers.run_due(
            self.runtime.unit_of_work,
            lease,
            clocks=self.clocks,
            agreements=self._agreements,
            observe_lateness=metrics.SLA_LATENESS.observe,
            observe_breach=_count_breach,
        )

    @command
    def get(self, request: dict[str, Any]) -> dict[str, Any]:
        """The clocks of an incident, span by span."""
        ask = partial(handlers.get, clocks=self.clocks, agreements=self._agreements)
        return self.runtime.commands.answer(request, schemas.GetArgs(), ask)

    @command
    def find(self, request: dict[str, Any]) -> dict[str, Any]:
        """Clocks by state, page by page."""
        return self.runtime.commands.answer(request, schemas.FindArgs(), partial(handlers.find, clocks=self.clocks))

    @command
    def report(self, request: dict[str, Any]) -> dict[str, Any]:
        """Attainment by priority."""
        return self.runtime.commands.answer(request, schemas.ReportArgs(), partial(handlers.report, clocks=self.clocks))

    @property
    def _agreements(self):  # type: ignore[no-untyped-def]
        raise NotImplementedError


def _count_breach(clock: str, priority: str) -> None:
    metrics.SLA_BREACHES.labels(clock, priority).inc()
