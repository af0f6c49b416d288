"""The door of problem: incidents that come in, commands and questions by RPC. It decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from marshmallow import Schema
from nameko.extensions import DependencyProvider

from services.problem import schemas, storage
from services.problem.handlers import commands, incidents, queries
from services.problem.settings import read_rule
from shared.config import Settings
from shared.entrypoints import events
from shared.envelope import Envelope
from shared.rpc_entrypoint import command
from shared.runtime import SETTINGS, Desk
from shared.store import Document
from shared.unit_of_work import Taken


class ProblemParts(DependencyProvider):
    """What the settings file makes: read once at the start, which it stops when the file is wrong."""

    def setup(self) -> None:
        settings: Settings = self.container.config[SETTINGS]
        self.rule = read_rule(settings.problem_file)
        self.problems = storage.problems()

    def get_dependency(self, _worker_ctx: Any) -> ProblemParts:
        return self


class ProblemService:
    """Finds what lies behind incidents that recur, and keeps what is known of it."""

    name = "problem"

    desk = Desk()
    parts = ProblemParts()

    @events("incident")
    def on_incident(self, envelopes: Sequence[Envelope]) -> Taken:
        handler = partial(
            incidents.on_incident,
            read=schemas.read_member,
            problems=self.parts.problems,
            numbers=self.desk.numbers,
            rule=self.parts.rule,
        )
        taken: Taken = self.desk.unit_of_work.take("problem", envelopes, handler)
        return taken

    @command
    def open(self, request: dict[str, Any]) -> Document:
        return self._execute("open", request, schemas.OpenArgs(), partial(commands.open, numbers=self.desk.numbers))

    @command
    def accept(self, request: dict[str, Any]) -> Document:
        return self._execute("accept", request, schemas.NoArgs(), commands.accept)

    @command
    def link(self, request: dict[str, Any]) -> Document:
        return self._execute("link", request, schemas.LinkArgs(), commands.link)

    @command
    def diagnose(self, request: dict[str, Any]) -> Document:
        return self._execute("diagnose", request, schemas.DiagnoseArgs(), commands.diagnose)

    @command
    def workaround(self, request: dict[str, Any]) -> Document:
        return self._execute("workaround", request, schemas.WorkaroundArgs(), commands.workaround)

    @command
    def resolve(self, request: dict[str, Any]) -> Document:
        return self._execute("resolve", request, schemas.ResolveArgs(), commands.resolve)

    @command
    def reopen(self, request: dict[str, Any]) -> Document:
        return self._execute("reopen", request, schemas.ReasonArgs(), commands.reopen)

    @command
    def close(self, request: dict[str, Any]) -> Document:
        return self._execute("close", request, schemas.NoArgs(), commands.close)

    @command
    def reject(self, request: dict[str, Any]) -> Document:
        return self._execute("reject", request, schemas.ReasonArgs(), commands.reject)

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
            name, request, schema, partial(handler, problems=self.parts.problems)
        )
        return reply

    def _answer(self, request: dict[str, Any], schema: Schema, handler: Callable[..., Document]) -> Document:
        reply: Document = self.desk.commands.answer(request, schema, partial(handler, problems=self.parts.problems))
        return reply
