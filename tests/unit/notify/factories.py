"""Makers of what notify's tests need, and the service's parts over memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from services.notify import handlers, schemas, storage
from services.notify.domain.delivery import Content, Delivery, Trail
from services.notify.domain.fairness import Places, receivers
from services.notify.domain.outcome import Outcome, Result
from services.notify.domain.patience import Patience, PatienceTable
from services.notify.domain.plan import Policy
from services.notify.domain.rules import Addresses, Channel, Facts, Rule, Webhook
from services.notify.handlers.backlog import Backlog
from services.notify.handlers.dispatch import Dispatcher
from services.notify.handlers.rounds import Rounds
from services.notify.templates import Templates
from shared.clock import FixedClock, format_instant
from shared.command import Command
from shared.envelope import Envelope
from shared.ids import SequentialIds
from shared.retry import LADDER
from shared.storage import Stored
from shared.store import Document
from shared.testing import MemoryStore, make_cause, make_envelope, make_instant, published
from shared.unit_of_work import Taken, UnitOfWork

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
PATIENCE = Patience(pauses=LADDER, keep_trying=timedelta(days=1))
PATIENCE_TABLE = PatienceTable(normal=dict.fromkeys(Channel, PATIENCE), urgent=dict.fromkeys(Channel, PATIENCE))
LEASE = timedelta(seconds=60)


def make_rule(**overrides: Any) -> Rule:
    """E-mail to the record's team about every opened incident."""
    fields = {
        "name": "opened",
        "events": ("incident.opened",),
        "to": ("team",),
        "channel": Channel.EMAIL,
        "subject": "{{ number }}: {{ title }}",
        "text": "{{ number }} is {{ state }}.\n",
    }
    return Rule(**{**fields, **overrides})


def make_hook(**overrides: Any) -> Rule:
    """A webhook to `chat` about every opened incident."""
    return make_rule(**{"name": "hook", "to": ("chat",), "channel": Channel.WEBHOOK, **overrides})


def make_addresses() -> Addresses:
    """A team, a manager with both channels, and a chat."""
    hook = Webhook(url="https://chat.example/hook", secret=SECRET)
    return Addresses(
        emails={"network": "network@example.org", "manager": "manager@example.org"},
        webhooks={"chat": hook, "manager": hook},
    )


def make_policy(*rules: Rule, **overrides: Any) -> Policy:
    return Policy(**{"rules": rules or (make_rule(),), "addresses": make_addresses(), **overrides})


def make_data(**overrides: Any) -> dict[str, Any]:
    """A snapshot with the fields that the tests look at."""
    fields = {
        "number": "INC0000001",
        "version": 1,
        "state": "new",
        "title": "No link",
        "priority": "P1",
        "team": "network",
        "change": {},
    }
    return {**fields, **overrides}


def make_event(**overrides: Any) -> Envelope:
    """An opened incident."""
    fields = {"source": "/incident", "type": "incident.opened", "subject": "INC0000001", "data": make_data()}
    return make_envelope(**{**fields, **overrides})


def make_restricted(**overrides: Any) -> Envelope:
    """The same of a restricted record."""
    data = {name: make_data()[name] for name in ("number", "version", "state", "priority")}
    return make_event(**{"restricted": True, "data": data, **overrides})


def make_facts(**overrides: Any) -> Facts:
    fields = {
        "event": "1",
        "source": "/incident",
        "type": "incident.opened",
        "record": "INC0000001",
        "data": make_data(),
        "at": "2026-03-02T09:00:00.000Z",
    }
    return Facts(**{**fields, **overrides})


def make_delivery(**overrides: Any) -> Delivery:
    """A delivery as planning makes it, before its first event."""
    at = make_instant()
    fields = {
        "event": "1",
        "record": "INC0000001",
        "recipient": "network",
        "channel": Channel.EMAIL,
        "rule": "opened",
        "lane": 1,
        "restricted": False,
        "content": Content(subject="No link", text="INC0000001 is new.\n"),
        "trail": Trail(event_type="incident.opened", event_source="/incident", correlationid="trail-1"),
        "planned_at": at,
        "place": f"{format_instant(at)} DLV-1",
        "next_attempt_at": at,
    }
    return Delivery(**{**fields, **overrides})


SENT = Result(outcome=Outcome.SENT, status=250)
RETRY = Result(outcome=Outcome.RETRY, status=451, detail="recipient: later")
PERMANENT = Result(outcome=Outcome.PERMANENT, status=550, detail="recipient: unknown")


DOUBTFUL = Result(outcome=Outcome.DOUBTFUL, detail="no answer")


class ScriptedCrew:
    """Answers each attempt with the next result of the script, then with success.

    What the script answers with None goes on until `finish` ends it. `handed` holds what it was given, in order.
    """

    def __init__(self, *script: Result | None) -> None:
        self.script = list(script)
        self.handed: list[tuple[str, Delivery]] = []
        self.going: dict[str, Stored[Delivery]] = {}
        self._ended: list[tuple[Stored[Delivery], Result | None]] = []

    def begin(self, taken: Stored[Delivery], at: datetime) -> None:
        self.handed.append((taken.key, taken.state))
        answer = self.script.pop(0) if self.script else SENT
        if answer is None:
            self.going[taken.key] = taken
        else:
            self._ended.append((taken, answer))

    def finish(self, key: str, result: Result) -> None:
        """End an attempt that goes on."""
        self._ended.append((self.going.pop(key), result))

    def ended(self) -> list[tuple[Stored[Delivery], Result | None]]:
        ended, self._ended = self._ended, []
        return ended

    def break_off(self) -> None:
        self._ended += [(taken, None) for taken in self.going.values()]
        self.going.clear()


class NotifyInMemory:
    """The service without its door."""

    def __init__(self, *rules: Rule, crew: ScriptedCrew | None = None, places: int = 10, **policy: Any) -> None:
        self.store = MemoryStore()
        self.clock = FixedClock(make_instant())
        self.unit_of_work = UnitOfWork(self.store, self.clock, SequentialIds(), pause=lambda _: None)
        self.deliveries = storage.deliveries(schemas.snapshot)
        self.policy = make_policy(*rules, **policy)
        self.templates = Templates(self.policy.rules)
        self.crew = crew or ScriptedCrew()
        self.places = places
        self.rounds = Rounds(deliveries=self.deliveries, patience=PATIENCE_TABLE, lease=LEASE)
        self.dispatcher = self.another_sender()
        self.tallied: list[Counter[Any]] = []

    def take(self, *envelopes: Envelope) -> Taken:
        planning = handlers.Planning(
            deliveries=self.deliveries, policy=self.policy, read=schemas.read_facts, render=self.templates.render
        )
        return handlers.take_events(self.unit_of_work, envelopes, planning, self.tallied.append)

    @property
    def tally(self) -> Counter[Any]:
        """What the latest batch was counted as."""
        return self.tallied[-1] if self.tallied else Counter()

    def another_sender(self, crew: ScriptedCrew | None = None, steady: FixedClock | None = None) -> Dispatcher:
        """The dispatcher of a process that starts now."""
        return Dispatcher(
            self.unit_of_work,
            steady=steady or self.clock,
            rounds=self.rounds,
            backlog=Backlog("deliveries", receivers(self.policy.addresses)),
            places=Places.of(self.places),
            crew=crew or self.crew,
        )

    def hold(self, token: int) -> None:
        """Let the holder with this token have the lease."""
        self.store.collections.setdefault("leases", {})["send"] = {"token": token}

    def send(self, token: int = 1, stopping: Callable[[], bool] = lambda: False) -> list[Any]:
        """What the holder of the lease with this token does, until there is nothing more to do now."""
        self.hold(token)
        ended: list[Any] = []
        while found := self.dispatcher.step(("send", token), stopping):
            ended += found
        return ended

    def command(self, handler: Callable[..., Document], args: dict[str, Any] | None = None, **request: Any) -> Document:
        fields = {"number": None, "args": {}, "cause": make_cause(), "expected_version": None, "idempotency_key": None}
        command = Command(**{**fields, **request})
        run = partial(handler, deliveries=self.deliveries)
        return self.unit_of_work.run(lambda work: run(work, command, args or {}))

    def rows(self) -> list[Document]:
        """The stored deliveries, the oldest first."""
        return sorted(self.store.collections.get("deliveries", {}).values(), key=lambda row: row["place"])

    def stored(self) -> Document:
        """The only delivery."""
        (row,) = self.rows()
        return row


def planned(*script: Any) -> NotifyInMemory:
    """A desk with one delivery that is planned; the crew answers by the script."""
    notify = NotifyInMemory(crew=ScriptedCrew(*script))
    notify.take(make_event())
    return notify


def types(notify: NotifyInMemory) -> list[str]:
    """The types of the events that were published, in their order."""
    return [event.type.removeprefix("notification.") for event in published(notify.store)]


def states(notify: NotifyInMemory) -> list[str]:
    """The states of the stored deliveries."""
    return sorted(row["state"] for row in notify.rows())
