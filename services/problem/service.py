"""The door of problem: incidents that come in, commands and questions by RPC. It decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from marshmallow import Schema

from services.problem import schemas, storage
from services.problem.handlers import commands, incidents, queries
from services.problem.settings import read_rule
from shared.entrypoints import Runtime, command, events
from shared.envelope import Envelope
from shared.unit_of_work import Document, Taken

PROBLEMS = storage.problems()


class ProblemService:
    """The service `problem`."""

    name = "problem"
    runtime = Runtime("problem")

    @events("incident")
    def on_incident(self, envelopes: Sequence[Envelope]) -> Taken:
        """Every event of every incident."""
        handler = partial(
            incidents.on_incident,
            read=schemas.read_member,
            problems=PROBLEMS,
            numbers=self.runtime.numbers,
            rule=read_rule(self.runtime.settings.problem_file),
        )
        return self.runtime.unit_of_work.take("problem", envelopes, handler)

    @command
    def open(self, request: Any) -> Document:
        handler = partial(commands.open, problems=PROBLEMS, numbers=self.runtime.numbers)
        return self.runtime.commands.execute("open", request, schemas.OpenArgs(), handler)

    @command
    def accept(self, request: Any) -> Document:
        return self._execute("accept", request, schemas.NoArgs(), commands.accept)

    @command
    def link(self, request: Any) -> Document:
        return self._execute("link", request, schemas.LinkArgs(), commands.link)

    @command
    def diagnose(self, request: Any) -> Document:
        return self._execute("diagnose", request, schemas.DiagnoseArgs(), commands.diagnose)

    @command
    def workaround(self, request: Any) -> Document:
        return self._execute("workaround", request, schemas.WorkaroundArgs(), commands.workaround)

    @command
    def resolve(self, request: Any) -> Document:
        return self._execute("resolve", request, schemas.ResolveArgs(), commands.resolve)

    @command
    def reopen(self, request: Any) -> Document:
        return self._execute("reopen", request, schemas.ReasonArgs(), commands.reopen)

    @command
    def close(self, request: Any) -> Document:
        return self._execute("close", request, schemas.NoArgs(), commands.close)

    @command
    def reject(self, request: Any) -> Document:
        return self._execute("reject", request, schemas.ReasonArgs(), commands.reject)

    @command
    def get(self, request: Any) -> Document:
        handler = partial(queries.get, problems=PROBLEMS)
        return self.runtime.commands.answer(request, schemas.NoArgs(), handler)

    @command
    def find(self, request: Any) -> Document:
        handler = partial(queries.find, problems=PROBLEMS)
        return self.runtime.commands.answer(request, schemas.FindArgs(), handler)

    def _execute(self, name: str, request: Any, schema: Schema, handler: Callable[..., Document]) -> Document:
        return self.runtime.commands.execute(name, request, schema, partial(handler, problems=PROBLEMS))
