"""Calls to sla without a broker: the command line asks the service in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import orjson
import pytest

from services.sla import handlers, question_schemas, storage
from shared.command import Commands
from shared.rpc import read_reply
from tests.unit.sla.factories import SlaInMemory

METHODS: dict[str, tuple[Any, Callable[..., Any]]] = {
    "explain": (question_schemas.ExplainArgs(), handlers.explain_clocks),
    "expect": (question_schemas.ExpectArgs(), handlers.expect),
    "downtime": (question_schemas.PageArgs(), handlers.downtime),
    "predict": (question_schemas.PredictArgs(), handlers.predict),
    "lengths": (question_schemas.PageArgs(), handlers.lengths),
    "verify": (question_schemas.VerifyArgs(), partial(handlers.verify, history_kept=storage.KEPT)),
    "figures": (question_schemas.FiguresArgs(), handlers.figures),
}


class CallsInMemory:
    """What `shared.rpc.RpcClient` does, over the service in memory; an answer travels as JSON, as on the broker."""

    def __init__(self, sla: SlaInMemory) -> None:
        self._sla = sla
        self._commands = Commands("sla", sla.unit_of_work)

    def call(self, service: str, method: str, request: Mapping[str, Any], *, timeout: float | None = None) -> Any:
        schema, handler = METHODS[method]
        reply = self._commands.answer(request, schema, partial(handler, agreements=self._sla.agreements))
        return read_reply(orjson.dumps({"result": reply, "error": None}))


def connect(monkeypatch: pytest.MonkeyPatch, sla: SlaInMemory) -> None:
    """Let `deskwire sla` talk to this service."""

    @contextmanager
    def rpc() -> Iterator[CallsInMemory]:
        yield CallsInMemory(sla)

    monkeypatch.setattr("deskwire.commands.sla.rpc", rpc)
