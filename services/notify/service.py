"""The door of notify: queues in, deliveries out, and the commands of people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import eventlet
from nameko.extensions import DependencyProvider

from services.notify import handlers, schemas, storage
from services.notify.channels import Channels, EmailChannel, WebhookChannel
from services.notify.domain.delivery import Delivery
from services.notify.domain.outcome import Outcome, Result
from services.notify.handlers.planning import Tally
from services.notify.handlers.sending import Go, Sender, Tried
from services.notify.settings import load, with_mail_server
from services.notify.templates import Templates
from shared import logs
from shared.config import Settings
from shared.entrypoints import events, tick
from shared.envelope import Envelope
from shared.errors import DeskwireError
from shared.lease import Lease
from shared.metrics import NOTIFICATIONS
from shared.rpc_entrypoint import command
from shared.runtime import SETTINGS, Desk, Runtime
from shared.storage import Stored
from shared.unit_of_work import Taken, Work

log = logs.get(__name__)

LONGEST_SEND_SECONDS = 20
"""The end of one attempt whatever the other side does: less than an orderly stop waits, and than the lease lasts."""


TOGETHER_SECONDS = 0.1
"""How long outcomes are waited for that can be recorded together."""


class Bounded:
    """A sender whose every attempt ends: a receiver that drips its answer would hold a place in the pool for ever."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def send(self, key: str, delivery: Delivery, at: datetime, /) -> Result:
        """The sender's result, or a retry when it took too long."""
        with eventlet.Timeout(LONGEST_SEND_SECONDS, False):
            return self._sender.send(key, delivery, at)
        return Result(outcome=Outcome.RETRY, detail=f"no end after {LONGEST_SEND_SECONDS} s")


def in_pool(
    send: Callable[[Stored[Delivery]], Tried], deliveries: Sequence[Stored[Delivery]], places: int, go: Go
) -> Iterator[list[Tried]]:
    """Send in green threads, `places` at a time; gives what has ended, as many as end within a moment."""
    ended: eventlet.Queue[Tried | None] = eventlet.Queue()
    pool = eventlet.GreenPool(places)

    def attempt(one: Stored[Delivery]) -> None:
        # Asked when its place is free: by then the process may be stopping.
        if not go():
            return
        try:
            ended.put(send(one))
        except Exception as error:
            # A fault of ours in one delivery must not keep the outcomes of the others from being recorded.
            log.exception("could not send", delivery=one.key, correlationid=one.state.trail.correlationid)
            ended.put((one, Result(outcome=Outcome.RETRY, detail=type(error).__name__)))

    def begin() -> None:
        for one in deliveries:
            pool.spawn_n(attempt, one)
        pool.waitall()
        ended.put(None)

    eventlet.spawn_n(begin)
    together: list[Tried] = []
    last = False
    while not last:
        # One transaction records what ends within a moment: a slow receiver delays the others' records no longer.
        found = ended.get()
        with eventlet.Timeout(TOGETHER_SECONDS, False):
            while found is not None:
                together.append(found)
                found = ended.get()
        last = found is None
        if together:
            yield together
            together = []


class NotifyParts(DependencyProvider):
    """What the settings file makes: read once at the start, which it stops when the file is wrong."""

    def setup(self) -> None:
        given: Settings = self.container.config[SETTINGS]
        self.settings = with_mail_server(load(given.notify_file), given.smtp_host, given.smtp_port)
        addresses = self.settings.policy.addresses
        self.deliveries = storage.deliveries(schemas.snapshot)
        self.templates = Templates(self.settings.policy.rules)
        self.sender = Bounded(
            Channels(
                email=EmailChannel(self.settings.smtp, addresses.emails),
                webhook=WebhookChannel(self.settings.webhook, addresses.webhooks),
            )
        )

    def get_dependency(self, _worker_ctx: Any) -> NotifyParts:
        return self


class NotifyService:
    """Decides who is told of what, and tells them."""

    name = "notify"

    desk: Runtime = Desk()
    parts = NotifyParts()

    @events("incident")
    def on_incident(self, envelopes: Sequence[Envelope]) -> Taken:
        return self._plan(envelopes)

    @events("sla")
    def on_sla(self, envelopes: Sequence[Envelope]) -> Taken:
        return self._plan(envelopes)

    @events("problem")
    def on_problem(self, envelopes: Sequence[Envelope]) -> Taken:
        return self._plan(envelopes)

    @events("change")
    def on_change(self, envelopes: Sequence[Envelope]) -> Taken:
        return self._plan(envelopes)

    @tick("send", every=0.2)
    def send(self, lease: Lease) -> int:
        ended = handlers.send_due(
            self.desk.unit_of_work,
            deliveries=self.parts.deliveries,
            patience=self.parts.settings.patience,
            limit=self.parts.settings.concurrent,
            sender=self.parts.sender,
            concurrently=in_pool,
            fence=(lease.name, lease.token),
            stopping=lambda: self.desk.health.draining,
        )
        for channel, outcome in ended:
            NOTIFICATIONS.labels(channel=channel.value, outcome=outcome.value).inc()
        return len(ended)

    @command
    def get(self, request: dict[str, Any]) -> dict[str, Any]:
        return self._answer(request, schemas.GetArgs(), partial(handlers.get, show=schemas.details))

    @command
    def find(self, request: dict[str, Any]) -> dict[str, Any]:
        return self._answer(request, schemas.FindArgs(), handlers.find)

    @command
    def resend(self, request: dict[str, Any]) -> dict[str, Any]:
        handler = partial(handlers.resend, deliveries=self.parts.deliveries)
        return self.desk.commands.execute("resend", request, schemas.ResendArgs(), handler)

    @command
    def cancel(self, request: dict[str, Any]) -> dict[str, Any]:
        handler = partial(handlers.cancel, deliveries=self.parts.deliveries)
        return self.desk.commands.execute("cancel", request, schemas.CancelArgs(), handler)

    def _answer(self, request: dict[str, Any], schema: Any, handler: Callable[..., Any]) -> dict[str, Any]:
        return self.desk.commands.answer(request, schema, partial(handler, deliveries=self.parts.deliveries))

    def _plan(self, envelopes: Sequence[Envelope]) -> Taken:
        def block(work: Work, fresh: Sequence[Envelope]) -> Mapping[str, DeskwireError]:
            tally: Tally = Counter()
            rejected = handlers.on_events(
                work,
                fresh,
                deliveries=self.parts.deliveries,
                policy=self.parts.settings.policy,
                read=schemas.read_facts,
                render=self.parts.templates.render,
                tally=tally,
            )
            work.afterwards(partial(count_planned, tally))
            return rejected

        return self.desk.unit_of_work.take("notify", envelopes, block)


def count_planned(tally: Tally) -> None:
    for (channel, reason), count in tally.items():
        NOTIFICATIONS.labels(channel=channel.value, outcome=reason.value).inc(count)
