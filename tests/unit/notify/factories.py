"""Makers of what notify's tests need, and the service's parts over memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from services.notify import handlers, schemas, storage
from services.notify.domain.delivery import Content, Delivery, Patience, Trail
from services.notify.domain.outcome import Outcome, Result
from services.notify.domain.plan import Policy
from services.notify.domain.rules import Addresses, Channel, Facts, Rule, Webhook
from services.notify.templates import Templates
from shared.clock import FixedClock, format_instant
from shared.command import Command
from shared.envelope import Envelope
from shared.ids import SequentialIds
from shared.retry import LADDER
from shared.storage import Stored
from shared.store import Document
from shared.testing import MemoryStore, make_cause, make_envelope, make_instant
from shared.unit_of_work import Taken, UnitOfWork

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
PATIENCE = Patience(steps=LADDER, max_attempts=8, lease=timedelta(seconds=60))


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


class Crash(Exception):
    """The process ends here."""


class ScriptedSender:
    """Answers each delivery with the next result of the script, then with success; keeps what it was handed."""

    def __init__(self, *script: Result | Exception) -> None:
        self.script = list(script)
        self.handed: list[tuple[str, Delivery]] = []

    def send(self, key: str, delivery: Delivery, _at: datetime, /) -> Result:
        self.handed.append((key, delivery))
        answer = self.script.pop(0) if self.script else SENT
        if isinstance(answer, Exception):
            raise answer
        return answer


def one_by_one(
    send: Callable[[Stored[Delivery]], Any],
    taken: Sequence[Stored[Delivery]],
    _places: int,
    go: Callable[[], bool],
) -> Iterator[list[Any]]:
    for one in taken:
        if go():
            yield [send(one)]


class NotifyInMemory:
    """The service without its door."""

    def __init__(self, *rules: Rule, sender: ScriptedSender | None = None, **policy: Any) -> None:
        self.store = MemoryStore()
        self.clock = FixedClock(make_instant())
        self.unit_of_work = UnitOfWork(self.store, self.clock, SequentialIds(), pause=lambda _: None)
        self.deliveries = storage.deliveries(schemas.snapshot)
        self.policy = make_policy(*rules, **policy)
        self.templates = Templates(self.policy.rules)
        self.sender = sender or ScriptedSender()
        self.tally: Counter[Any] = Counter()

    def take(self, *envelopes: Envelope) -> Taken:
        block = partial(
            handlers.on_events,
            deliveries=self.deliveries,
            policy=self.policy,
            read=schemas.read_facts,
            render=self.templates.render,
            tally=self.tally,
        )
        return self.unit_of_work.take("notify", envelopes, block)

    def send(self, limit: int = 10, concurrently: Any = one_by_one, token: int = 1, **options: Any) -> list[Any]:
        """What the holder of the lease with this token does."""
        self.store.collections.setdefault("leases", {})["send"] = {"token": token}
        return handlers.send_due(
            self.unit_of_work,
            deliveries=self.deliveries,
            patience=PATIENCE,
            limit=limit,
            sender=self.sender,
            concurrently=concurrently,
            fence=("send", token),
            **options,
        )

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
