"""Makers of what tests of change need."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from services.change import schemas, storage
from services.change.domain import lifecycle
from services.change.domain.change import Change, Degree, Deployment, Kind, State
from services.change.domain.templates import Template
from services.change.handlers import commands, deployments
from shared.command import Command
from shared.envelope import Envelope
from shared.numbers import Numbers
from shared.store import Document
from shared.testing import MemoryStore, make_actor, make_cause, make_envelope, make_instant, make_unit_of_work
from shared.unit_of_work import Taken, UnitOfWork

NOW = make_instant()
CHANGES = storage.changes()
TEMPLATES = {
    "restart": Template(
        name="restart",
        title="Restart",
        risk=Degree.LOW,
        impact=Degree.LOW,
        approved_by="change-board",
        services=("payments",),
    )
}


def make_change(**overrides: Any) -> Change:
    """A normal change of the service payments that Alice asked for; overrides set any field of the record."""
    change, _ = lifecycle.request(
        kind=Kind.NORMAL, title="New database", requester="alice", service="payments", now=NOW
    )
    return replace(change, **overrides)


def make_approved(**overrides: Any) -> Change:
    """An approved change without a window."""
    return make_change(**{"state": State.APPROVED, **overrides})


def make_deployment(**overrides: Any) -> Deployment:
    """A deployment of payments an hour later."""
    fields: dict[str, Any] = {
        "source": "/pipeline",
        "id": "1",
        "service": "payments",
        "ci": None,
        "version": "2.4.0",
        "change": None,
        "pipeline": "deploy",
        "by": "carol",
        "at": NOW + timedelta(hours=1),
    }
    return Deployment(**{**fields, **overrides})


def make_deployed(identity: str = "1", **data: Any) -> Envelope:
    """The event of a pipeline."""
    return make_envelope(
        id=identity,
        source="/pipeline",
        type="change.deployed",
        time=NOW,
        data={"service": "payments", "version": "2.4.0", **data},
    )


def make_command(number: str | None = "CHG0000001", by: str = "bob", **overrides: Any) -> Command:
    """A command of Bob's."""
    fields: Document = {
        "number": number,
        "args": {},
        "cause": make_cause(actor=make_actor(id=by)),
        "expected_version": None,
        "idempotency_key": None,
    }
    return Command(**{**fields, **overrides})


class Desk:
    """The service without its door: handlers over a store in memory."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.unit_of_work: UnitOfWork = make_unit_of_work(self.store, NOW)
        self.numbers = Numbers(self.store)
        self.take_handler = partial(
            deployments.on_deployed, read=schemas.read_deployment, changes=CHANGES, numbers=self.numbers
        )

    def take(self, *envelopes: Envelope) -> Taken:
        """Handle a batch."""
        return self.unit_of_work.take("change", envelopes, self.take_handler)

    def run(self, handler: Any, command: Command | None = None, **args: Any) -> Document:
        """Run a command's handler."""
        command = command or make_command()
        return self.unit_of_work.run(lambda work: handler(work, command, args, changes=CHANGES))

    def request(self, **overrides: Any) -> Document:
        """Ask for a change as Alice."""
        args = {"kind": Kind.NORMAL, "title": "New database", "service": "payments", **overrides}
        ports: dict[str, Any] = {"changes": CHANGES, "numbers": self.numbers, "templates": TEMPLATES}
        command = make_command(None, by="alice")
        return self.unit_of_work.run(lambda work: commands.request(work, command, args, **ports))

    def approved(self, **overrides: Any) -> str:
        """The number of a change that was assessed and approved."""
        number: str = self.request(**overrides)["number"]
        self.run(commands.assess, make_command(number), risk=Degree.LOW, impact=Degree.LOW)
        self.run(commands.approve, make_command(number))
        return number

    def changes(self) -> list[Document]:
        """All changes' documents, in order of number."""
        return sorted(self.store.collections.get("changes", {}).values(), key=lambda row: row["_id"])
