"""Makers of what tests of problem need."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from services.problem import schemas, storage
from services.problem.domain import lifecycle
from services.problem.domain.problem import Problem
from services.problem.domain.recurrence import Rule
from services.problem.handlers import incidents
from shared.cause import Cause
from shared.clock import format_instant
from shared.command import Command
from shared.envelope import Envelope
from shared.numbers import Numbers
from shared.store import Document
from shared.testing import MemoryStore, make_actor, make_cause, make_envelope, make_instant, make_unit_of_work
from shared.unit_of_work import Taken, UnitOfWork

NOW = make_instant()
RULE = Rule(window=timedelta(days=7), count=3)
PROBLEMS = storage.problems()


def make_problem(**overrides: Any) -> Problem:
    """An open problem of one signature."""
    fields = {"title": "Payments fail", "service": "payments", "fingerprint": "db-down", "now": NOW}
    problem, _ = lifecycle.open(**{**fields, **overrides})
    return problem


def make_incident(number: int = 1, **overrides: Any) -> Document:
    """The part of an incident's snapshot that matters here, and a field that does not."""
    return {
        "number": f"INC{number:07d}",
        "version": 1,
        "kind": "incident",
        "state": "new",
        "title": "Database down",
        "priority": "P3",
        "service": "payments",
        "ci": "db-1",
        "fingerprint": "db-down",
        "opened_at": format_instant(NOW + timedelta(hours=number)),
        "channel": "alert",
        "change": {},
        **overrides,
    }


def make_event(incident: Document, **overrides: Any) -> Envelope:
    """An event of the incident service with this snapshot."""
    fields: Document = {
        "id": f"{incident['number']}-{incident.get('version')}",
        "source": "/incident",
        "type": "incident.opened",
        "data": incident,
    }
    return make_envelope(**{**fields, **overrides})


def make_command(number: str | None = "PRB0000001", **overrides: Any) -> Command:
    """A command of an agent."""
    fields: Document = {
        "number": number,
        "args": {},
        "cause": make_cause(actor=make_actor()),
        "expected_version": None,
        "idempotency_key": None,
    }
    return Command(**{**fields, **overrides})


class Desk:
    """The service without its door: handlers over a store in memory."""

    def __init__(self, rule: Rule = RULE) -> None:
        self.store = MemoryStore()
        self.unit_of_work: UnitOfWork = make_unit_of_work(self.store, NOW)
        self.numbers = Numbers(self.store)
        self.take_handler = partial(
            incidents.on_incident, read=schemas.read_member, problems=PROBLEMS, numbers=self.numbers, rule=rule
        )

    def take(self, *envelopes: Envelope) -> Taken:
        """Handle a batch."""
        return self.unit_of_work.take("problem", envelopes, self.take_handler)

    def run(self, handler: Any, command: Command | None = None, **args: Any) -> Document:
        """Run a command's handler."""
        command = command or make_command()
        return self.unit_of_work.run(lambda work: handler(work, command, args, problems=PROBLEMS))

    def open(self, handler: Any, **args: Any) -> Document:
        """Run a handler that takes a new number."""
        ports = {"problems": PROBLEMS, "numbers": self.numbers}
        return self.unit_of_work.run(lambda work: handler(work, make_command(None), args, **ports))

    def problems(self) -> list[Document]:
        """All problems' documents, in order of number."""
        return sorted(self.store.collections.get("problems", {}).values(), key=lambda row: row["_id"])


__all__ = ["NOW", "PROBLEMS", "RULE", "Cause", "Desk", "make_command", "make_event", "make_incident", "make_problem"]
