"""The door of sla: incident events in, a tick for what is due, questions by RPC. It decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from marshmallow import Schema
from nameko.extensions import DependencyProvider

from services.sla import handlers, promise_schemas, question_schemas, schemas, storage
from services.sla.settings import load
from shared.config import Settings
from shared.entrypoints import events, tick
from shared.envelope import Envelope
from shared.lease import Lease
from shared.metrics import SLA_BREACHES, SLA_LATENESS, SLA_OUTDATED
from shared.rpc_entrypoint import command
from shared.runtime import SETTINGS, Desk
from shared.store import Document
from shared.unit_of_work import Taken


class SlaParts(DependencyProvider):
    """What the settings file makes: read once at the start, which it stops when the file is wrong."""

    def setup(self) -> None:
        settings: Settings = self.container.config[SETTINGS]
        self.agreements = load(settings.sla_file)
        self.clocks = storage.clocks(schemas.snapshot)
        self.announced = False
        self.promises = storage.promises(promise_schemas.snapshot)

    def get_dependency(self, _worker_ctx: Any) -> SlaParts:
        return self


class SlaService:
    """Tells how long until a response and a solution are due, and when they are not in time."""

    name = "sla"

    desk = Desk()
    parts = SlaParts()

    @events("incident")
    def on_incident(self, envelopes: Sequence[Envelope]) -> Taken:
        self._announce()
        return handlers.take_incidents(
            self.desk.unit_of_work,
            envelopes,
            clocks=self.parts.clocks,
            promises=self.parts.promises,
            agreements=self.parts.agreements,
            read=schemas.read_entry,
            observe_breach=count_breach,
        )

    @tick("due", every=1.0)
    def due(self, lease: Lease) -> int:
        return handlers.run_due(
            self.desk.unit_of_work,
            lease,
            clocks=self.parts.clocks,
            agreements=self.parts.agreements,
            observe_lateness=SLA_LATENESS.observe,
            observe_breach=count_breach,
        )

    @tick("reckon", every=5.0)
    def reckon(self, lease: Lease) -> int:
        """Open records that rest on other inputs than these, after a change of the settings file or of `tzdata`."""
        self._announce()
        return handlers.run_reckoning(
            self.desk.unit_of_work,
            lease,
            clocks=self.parts.clocks,
            promises=self.parts.promises,
            agreements=self.parts.agreements,
            observe_breach=count_breach,
        )

    def _announce(self) -> None:
        """Before the first event or round: from then on records go by these inputs."""
        if not self.parts.announced:
            handlers.announce(self.desk.unit_of_work, self.parts.agreements)
            self.parts.announced = True

    @tick("outdated", every=15.0)
    def measure(self, _lease: Lease) -> int:
        """Set the gauge of what the tick above has yet to do; one replica at a time has it."""
        SLA_OUTDATED.set(self.desk.unit_of_work.run(handlers.count_outdated))
        return 0

    @command
    def get(self, request: Any) -> Document:
        return self._answer(request, schemas.GetArgs(), partial(handlers.get, agreements=self.parts.agreements))

    @command
    def find(self, request: Any) -> Document:
        return self._answer(request, schemas.FindArgs(), handlers.find)

    @command
    def report(self, request: Any) -> Document:
        return self._answer(request, schemas.ReportArgs(), handlers.report)

    @command
    def explain(self, request: Any) -> Document:
        return self._recompute(request, question_schemas.ExplainArgs(), handlers.explain_clocks)

    @command
    def expect(self, request: Any) -> Document:
        return self._recompute(request, question_schemas.ExpectArgs(), handlers.expect)

    @command
    def verify(self, request: Any) -> Document:
        return self._recompute(
            request, question_schemas.VerifyArgs(), partial(handlers.verify, history_kept=storage.KEPT)
        )

    @command
    def figures(self, request: Any) -> Document:
        return self._recompute(request, question_schemas.FiguresArgs(), handlers.figures)

    @command
    def downtime(self, request: Any) -> Document:
        return self._recompute(request, question_schemas.PageArgs(), handlers.downtime)

    @command
    def predict(self, request: Any) -> Document:
        return self._recompute(request, question_schemas.PredictArgs(), handlers.predict)

    @command
    def lengths(self, request: Any) -> Document:
        return self._recompute(request, question_schemas.PageArgs(), handlers.lengths)

    def _recompute(self, request: Any, schema: Schema, handler: Callable[..., Document]) -> Document:
        """A question that is answered by folding the history under the agreements in force."""
        ask = partial(handler, agreements=self.parts.agreements)
        reply: Document = self.desk.commands.answer(request, schema, ask)
        return reply

    def _answer(self, request: Any, schema: Schema, handler: Callable[..., Document]) -> Document:
        reply: Document = self.desk.commands.answer(request, schema, partial(handler, clocks=self.parts.clocks))
        return reply


def count_breach(clock: str, priority: str) -> None:
    SLA_BREACHES.labels(clock=clock, priority=priority).inc()
