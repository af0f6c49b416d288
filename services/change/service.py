"""The door of change: deployments from the intake, commands and questions by RPC. It decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from marshmallow import Schema
from nameko.extensions import DependencyProvider

from services.change import schemas, storage
from services.change.handlers import commands, deployments, queries
from services.change.settings import read_templates
from shared.config import Settings
from shared.entrypoints import events
from shared.envelope import Envelope
from shared.rpc_entrypoint import command
from shared.runtime import SETTINGS, Desk
from shared.store import Document
from shared.unit_of_work import Taken


class ChangeParts(DependencyProvider):
    """What the settings file makes: read once at the start, which it stops when the file is wrong."""

    def setup(self) -> None:
        settings: Settings = self.container.config[SETTINGS]
        self.templates = read_templates(settings.change_file)
        self.changes = storage.changes()

    def get_dependency(self, _worker_ctx: Any) -> ChangeParts:
        return self


class ChangeService:
    """Keeps changes, and holds deployments against them."""

    name = "change"

    desk = Desk()
    parts = ChangeParts()

    @events("intake")
    def on_deployed(self, envelopes: Sequence[Envelope]) -> Taken:
        handler = partial(
            deployments.on_deployed,
            read=schemas.read_deployment,
            changes=self.parts.changes,
            numbers=self.desk.numbers,
        )
        taken: Taken = self.desk.unit_of_work.take("change", envelopes, handler)
        return taken

    @command
    def request(self, request: dict[str, Any]) -> Document:
        handler = partial(commands.request, numbers=self.desk.numbers, templates=self.parts.templates)
        return self._execute("request", request, schemas.RequestArgs(), handler)

    @command
    def assess(self, request: dict[str, Any]) -> Document:
        return self._execute("assess", request, schemas.AssessArgs(), commands.assess)

    @command
    def approve(self, request: dict[str, Any]) -> Document:
        return self._execute("approve", request, schemas.TextArgs(), commands.approve)

    @command
    def reject(self, request: dict[str, Any]) -> Document:
        return self._execute("reject", request, schemas.ReasonArgs(), commands.reject)

    @command
    def schedule(self, request: dict[str, Any]) -> Document:
        return self._execute("schedule", request, schemas.ScheduleArgs(), commands.schedule)

    @command
    def implement(self, request: dict[str, Any]) -> Document:
        return self._execute("implement", request, schemas.NoArgs(), commands.implement)

    @command
    def complete(self, request: dict[str, Any]) -> Document:
        return self._execute("complete", request, schemas.TextArgs(), commands.complete)

    @command
    def review(self, request: dict[str, Any]) -> Document:
        return self._execute("review", request, schemas.ReviewArgs(), commands.review)

    @command
    def close(self, request: dict[str, Any]) -> Document:
        return self._execute("close", request, schemas.NoArgs(), commands.close)

    @command
    def cancel(self, request: dict[str, Any]) -> Document:
        return self._execute("cancel", request, schemas.ReasonArgs(), commands.cancel)

    @command
    def link(self, request: dict[str, Any]) -> Document:
        return self._execute("link", request, schemas.LinkArgs(), commands.link)

    @command
    def get(self, request: dict[str, Any]) -> Document:
        return self._answer(request, schemas.GetArgs(), queries.get)

    @command
    def find(self, request: dict[str, Any]) -> Document:
        return self._answer(request, schemas.FindArgs(), queries.find)

    def _execute(
        self, name: str, request: dict[str, Any], schema: Schema, handler: Callable[..., Document]
    ) -> Document:
        reply: Document = self.desk.commands.execute(
            name, request, schema, partial(handler, changes=self.parts.changes)
        )
        return reply

    def _answer(self, request: dict[str, Any], schema: Schema, handler: Callable[..., Document]) -> Document:
        reply: Document = self.desk.commands.answer(request, schema, partial(handler, changes=self.parts.changes))
        return reply
