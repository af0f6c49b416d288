"""Makers of what tests of incident need, and the service's use cases over memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from services.incident import storage
from services.incident.domain.actions import Arguments, perform
from services.incident.domain.alert_rules import AlertRules
from services.incident.domain.desk import DeskRules
from services.incident.domain.lifecycle import Action, Origin
from services.incident.domain.opening import Opening, open_record
from services.incident.domain.record import Incident
from services.incident.handlers import commands, intake, links
from services.incident.handlers.arrivals import Refusal
from services.incident.handlers.ports import Ports
from services.incident.schemas import commands as arguments
from services.incident.schemas import intake as messages
from services.incident.schemas import problem
from services.incident.schemas.settings import load_settings
from services.incident.schemas.snapshot import snapshot
from shared.command import Commands
from shared.envelope import Envelope
from shared.storage import from_document
from shared.testing import CountingNumbers, MemoryStore, make_envelope, make_instant, make_unit_of_work, published
from shared.unit_of_work import Taken, Work

SETTINGS = Path(__file__).parents[3] / "deploy" / "settings" / "incident.yaml"
NOW = make_instant()
LATER = NOW + timedelta(hours=1)


def make_rules() -> DeskRules:
    """The desk's settings as they are shipped."""
    return load_settings(SETTINGS)


RULES = make_rules()
PRIORITIES = RULES.priorities


def make_incident(**overrides: Any) -> Incident:
    """A new incident of level 1, opened at `NOW`."""
    incident, _ = open_record(Opening(title="The printer is on fire"), NOW, priorities=PRIORITIES)
    return replace(incident, **overrides)


def do(
    incident: Incident, action: Action, args: Arguments, at: datetime = LATER, origin: Origin = Origin.LIVE
) -> Incident:
    """The incident after an action."""
    return perform(incident, action, args, at, priorities=PRIORITIES, origin=origin)[0]


CALM = replace(RULES.alerts, flapping=replace(RULES.alerts.flapping, reopen_within=timedelta(), times=100))
"""Rules under which each episode of an alert is an incident of its own."""


class PlainSeal:
    """A seal that can be read: for tests."""

    def seal(self, work: Work, person_id: str, text: str) -> str:
        return f"sealed for {person_id}: {text}"


class House:
    """The use cases of incident over memory, with a clock that stands at `at`."""

    def __init__(
        self, at: datetime = LATER, store: MemoryStore | None = None, alerts: AlertRules = RULES.alerts
    ) -> None:
        self.store = store or MemoryStore()
        self.unit_of_work = make_unit_of_work(self.store, at)
        self.refusals: list[Refusal] = []
        self.commands = Commands("incident", self.unit_of_work)
        self.ports = Ports(
            incidents=storage.incidents(snapshot, PRIORITIES.lanes.__getitem__),
            numbers=CountingNumbers(),
            seal=PlainSeal(),
            priorities=PRIORITIES,
            alerts=alerts,
            gap_after=RULES.gap_after,
        )

    def tell(self, *envelopes: Envelope) -> Taken:
        """A batch from the intake."""
        read = partial(messages.read, rules=self.ports.alerts)
        return intake.take_intake(self.unit_of_work, envelopes, ports=self.ports, read=read, warn=self.refusals.append)

    def tell_of_problem(self, *envelopes: Envelope) -> Taken:
        """A batch from problem."""
        return links.take_problem(self.unit_of_work, envelopes, ports=self.ports, read=problem.read)

    def do(self, action: str, number: str | None = None, **args: Any) -> dict[str, Any]:
        """A command of a person; returns the reply."""
        return self.request(action, number, args)

    def request(
        self,
        action: str,
        number: str | None,
        args: Mapping[str, Any],
        actor: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """A command of anybody; returns the reply."""
        verb = Action(action)
        handler: Any = commands.open_command if verb is Action.OPEN else partial(commands.act, action=verb)
        request = {
            "number": number,
            "args": dict(args),
            "actor": dict(actor or {"kind": "person", "id": "alice", "roles": ["agent"]}),
            "correlationid": "trail-1",
            **more,
        }
        return self.commands.execute(action, request, arguments.ARGUMENTS[verb](), partial(handler, ports=self.ports))

    def open(self, **args: Any) -> str:
        """Open an incident; returns its number."""
        number: str = self.do("open", **{"title": "The printer is on fire", **args})["record"]["number"]
        return number

    def incident(self, number: str) -> Incident:
        """A record as it is stored."""
        return from_document(Incident, self.row("incidents", number))

    def incidents(self) -> dict[str, Incident]:
        """All records."""
        return {key: from_document(Incident, row) for key, row in self.rows("incidents").items()}

    def row(self, collection: str, key: str) -> dict[str, Any]:
        return self.rows(collection)[key]

    def rows(self, collection: str) -> dict[str, dict[str, Any]]:
        return self.store.collections.get(collection, {})

    def events(self) -> list[Envelope]:
        """What was published, in order."""
        return published(self.store)

    def types(self) -> list[str]:
        return [event.type for event in self.events()]


def make_alert(id: str, minutes: float = 0, *, fires: bool = True, **data: Any) -> Envelope:
    """A message of a monitor, `minutes` after `NOW`."""
    return make_envelope(
        id=id,
        type="alert.firing" if fires else "alert.resolved",
        time=NOW + timedelta(minutes=minutes),
        data={"dedup_key": "disk:db1", "title": "Disk full on db1", "severity": "critical", **data},
    )


def make_ticket(id: str = "t1", *, sequence: int | None = None, backfill: bool = False, **data: Any) -> Envelope:
    """A ticket of a foreign desk, submitted at `NOW`."""
    return make_envelope(
        id=id,
        source="/desk",
        type="ticket.submitted",
        sequence=sequence,
        backfill=backfill,
        data={"external_ref": "EXT-1", "title": "Mail is slow", **data},
    )


def make_action(
    id: str, action: str, minutes: float = 1, *, sequence: int | None = None, backfill: bool = False, **data: Any
) -> Envelope:
    """An action of a foreign desk, done `minutes` after `NOW`."""
    return make_envelope(
        id=id,
        source="/desk",
        type="ticket.action",
        time=NOW + timedelta(minutes=minutes),
        sequence=sequence,
        backfill=backfill,
        data={"external_ref": "EXT-1", "action": action, **data},
    )


def batches(envelopes: Sequence[Envelope], size: int) -> list[Sequence[Envelope]]:
    """The envelopes in batches of at most `size`."""
    return [envelopes[start : start + size] for start in range(0, len(envelopes), size)]
