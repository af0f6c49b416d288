"""The door of notify: queues in, deliveries out, and the commands of people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import eventlet
from nameko.extensions import DependencyProvider

from services.notify import handlers, schemas, storage
from services.notify.channels import Channels, EmailChannel, WebhookChannel
from services.notify.domain.delivery import Delivery
from services.notify.domain.fairness import Places, receivers
from services.notify.domain.outcome import Origin, Progress, Result
from services.notify.domain.rules import Channel
from services.notify.handlers.backlog import Backlog
from services.notify.handlers.dispatch import Dispatcher, Ended
from services.notify.handlers.planning import Tally
from services.notify.handlers.rounds import Rounds
from services.notify.settings import load, with_mail_server
from services.notify.templates import Templates
from shared import logs
from shared.clock import SteadyClock
from shared.config import Settings
from shared.entrypoints import events, tick
from shared.envelope import Envelope
from shared.errors import Unavailable
from shared.lease import Lease
from shared.metrics import NOTIFICATIONS, RECEIVERS_FAILING
from shared.rpc_entrypoint import command
from shared.runtime import SETTINGS, Desk, Runtime
from shared.storage import Stored
from shared.unit_of_work import Taken

log = logs.get(__name__)

FIRST_SECONDS = 0.1
TOGETHER_SECONDS = 0.02
"""How long an outcome is waited for, and then others that can be recorded together with it."""
FAREWELL = timedelta(seconds=15)
"""How long an orderly stop lets attempts end: less than the stop itself may take (`DESKWIRE_STOP_SECONDS`)."""


AGAIN_SECONDS = 0.2
GRACE_SECONDS = 1.0
"""Behind the time of a channel, which ends its attempts itself: for what it does not see, such as the look-up of a
name that hangs."""


class GreenCrew:
    """Makes each attempt in a green thread of its own, which ends when its channel's time is up, whatever happens."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels
        self._attempts: dict[str, tuple[Any, Stored[Delivery]]] = {}
        self._ended: eventlet.Queue[tuple[Stored[Delivery], Result | None]] = eventlet.Queue()

    def begin(self, taken: Stored[Delivery], at: datetime) -> None:
        """Begin an attempt; returns at once."""
        self._attempts[taken.key] = eventlet.spawn(self._attempt, taken, at), taken

    def ended(self) -> list[tuple[Stored[Delivery], Result | None]]:
        """What has ended: waits a moment for the first, and less for others."""
        together: list[tuple[Stored[Delivery], Result | None]] = []
        while self._attempts or not self._ended.empty():
            with eventlet.Timeout(TOGETHER_SECONDS if together else FIRST_SECONDS, False):
                together.append(self._ended.get())
                continue
            break
        return together

    def break_off(self) -> None:
        """End all attempts. What had not left is as if it had not been begun."""
        for key, (thread, taken) in list(self._attempts.items()):
            thread.kill()
            if self._attempts.pop(key, None) is not None:
                # It never ran.
                self._ended.put((taken, None))

    def _attempt(self, taken: Stored[Delivery], at: datetime) -> None:
        progress, result = Progress(), None
        longest = self._channels.longest(taken.state.channel)
        try:
            with eventlet.Timeout(longest + GRACE_SECONDS, False):
                result = self._channels.send(taken.key, taken.state, at, progress)
            result = result or progress.broken_off(f"no end after {longest:g} s")
        except eventlet.greenlet.GreenletExit:
            left = progress.handed_over or progress.answered
            result = progress.broken_off("the process stopped before the answer came") if left else None
        except Exception as error:
            # A fault of ours in one delivery must not keep the outcomes of the others from being recorded.
            log.exception("could not send", delivery=taken.key, correlationid=taken.state.trail.correlationid)
            result = progress.broken_off(type(error).__name__, Origin.NOBODY)
        finally:
            self._attempts.pop(taken.key, None)
            self._ended.put((taken, result))


def wound_up(dispatcher: Dispatcher) -> list[Ended]:
    """How the attempts ended that were on their way at an orderly stop; recorded also when the database is away for a
    moment. Raises Unavailable when it stays away."""
    steady = SteadyClock()
    deadline = steady.now() + FAREWELL
    while True:
        try:
            return dispatcher.wind_up(deadline - steady.now())
        except Unavailable:
            if steady.now() >= deadline:
                raise
            eventlet.sleep(AGAIN_SECONDS)


class NotifyParts(DependencyProvider):
    """What the settings file makes: read once at the start, which it stops when the file is wrong."""

    runtime = Runtime()

    def setup(self) -> None:
        given: Settings = self.container.config[SETTINGS]
        self.settings = with_mail_server(load(given.notify_file), given.smtp_host, given.smtp_port)
        addresses = self.settings.policy.addresses
        self.deliveries = storage.deliveries(schemas.snapshot)
        self.templates = Templates(self.settings.policy.rules)
        self.planning = handlers.Planning(
            deliveries=self.deliveries,
            policy=self.settings.policy,
            read=schemas.read_facts,
            render=self.templates.render,
        )
        self.channels = Channels(
            email=EmailChannel(self.settings.smtp, addresses.emails),
            webhook=WebhookChannel(self.settings.webhook, addresses.webhooks),
        )

    def start(self) -> None:
        """The runtime is set up by now."""
        addresses = self.settings.policy.addresses
        self.dispatcher = Dispatcher(
            self.runtime.unit_of_work,
            steady=SteadyClock(),
            rounds=Rounds(deliveries=self.deliveries, patience=self.settings.patience, lease=self.settings.lease),
            backlog=Backlog(self.deliveries.shape.collection, receivers(addresses)),
            places=Places.of(self.settings.concurrent),
            crew=GreenCrew(self.channels),
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

    @tick("send", every=0.2, always=True)
    def send(self, lease: Lease | None) -> int:
        dispatcher = self.parts.dispatcher
        if self.desk.health.draining:
            ended = wound_up(dispatcher)
        else:
            fence = None if lease is None else (lease.name, lease.token)
            ended = dispatcher.step(fence, stopping=lambda: self.desk.health.draining)
        for channel, outcome in ended:
            NOTIFICATIONS.labels(channel=channel.value, outcome=outcome.value).inc()
        ailing = Counter(receiver.channel for receiver in dispatcher.ailing())
        for channel in Channel:
            RECEIVERS_FAILING.labels(channel=channel.value).set(ailing[channel])
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
        return handlers.take_events(self.desk.unit_of_work, envelopes, self.parts.planning, count_planned)


def count_planned(tally: Tally) -> None:
    for (channel, reason), count in tally.items():
        NOTIFICATIONS.labels(channel=channel.value, outcome=reason.value).inc(count)
