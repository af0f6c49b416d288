"""Reports events: confirmed by the broker, or kept on disk and sent later with the same ids."""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Callable

from deskwire_client.alerts import is_blank
from deskwire_client.errors import InvalidField, NotDelivered, SpoolFull
from deskwire_client.event import Event, build
from deskwire_client.link import Fault, Link, Sent
from deskwire_client.outcomes import CONFIRMED, SPOOLED, Flushed, Receipt
from deskwire_client.spool import SetAside, Spool

BATCH = 200
LONGEST_DEADLINE = 86_400.0
_log = logging.getLogger("deskwire_client")


class Reporter:
    """Reports events of one source. Usable from several threads; they take turns.

    `deadline` is how many seconds one call may take in all, up to a day, retries included. With a `spool` (a folder)
    an event that cannot be delivered by then is kept there and goes first, with its id, at the next call or at
    `flush`; without one NotDelivered is raised. An event may reach the broker twice when a confirm is lost on the way:
    its id is the same, so its effect happens once.

    A spool that cannot be read or written stops nothing that the broker takes: `warn` is told of it once. What lies in
    it is sent all the same, and again by the next reporter, because nobody can take it out. An entry that cannot be
    read, such as another user's, is passed over and stays: `warn` is told of it, and `left` does not count it.
    """

    def __init__(
        self,
        uri: str,
        *,
        source: str,
        spool: str | Path | Spool | None = None,
        deadline: float = 10.0,
        backoff: Sequence[float] = (0.2, 0.5, 1.0, 2.0),
        pause: Callable[[float], None] = time.sleep,
        warn: Callable[[str], None] = _log.warning,
    ) -> None:
        self._link = Link(uri)
        self._source = source
        self._spool = spool if isinstance(spool, Spool) else None if is_blank(spool) else Spool(spool)  # type: ignore[arg-type]
        self._deadline = _seconds(deadline)
        self._backoff = backoff
        self._pause = pause
        self._turn = threading.Lock()
        self._warn = warn
        self._warning: str | None = None
        self._done: set[str] = set()
        self._passed: set[str] = set()

    def __enter__(self) -> Reporter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection. What is spooled stays."""
        with self._turn:
            self._link.close()

    def alert(self, *, dedup_key: str, title: str, severity: str = "error", **options: Any) -> Receipt:
        """Report that something is wrong. The same `dedup_key` joins the one open incident.

        `options` are further fields of alert.firing and the arguments of `report`. Use one lane for an alert and
        its resolution, so that they cannot overtake each other. An alert is not refused for an odd field: the desk
        bends it (docs/intake.md).
        """
        return self._report("alert.firing", options, dedup_key=dedup_key, title=title, severity=severity)

    def resolve(self, *, dedup_key: str, **options: Any) -> Receipt:
        """Report that what `alert` said of this `dedup_key` is over."""
        return self._report("alert.resolved", options, dedup_key=dedup_key)

    def ticket(self, *, external_ref: str, title: str, **options: Any) -> Receipt:
        """Submit a ticket. `external_ref` is the caller's own number for it."""
        return self._report("ticket.submitted", options, external_ref=external_ref, title=title)

    def action(self, action: str, **options: Any) -> Receipt:
        """Act on a ticket that `external_ref` or `number` names; `args` holds the action's arguments."""
        return self._report("ticket.action", options, action=action)

    def deployed(self, *, version: str, **options: Any) -> Receipt:
        """Report that a pipeline has deployed a version of a `service` or a `ci`."""
        return self._report("change.deployed", options, version=version)

    def report(
        self,
        event_type: str,
        data: Mapping[str, Any],
        *,
        at: datetime | None = None,
        event_id: str | None = None,
        lane: str | None = None,
        subject: str | None = None,
        sequence: int | None = None,
        backfill: bool = False,
        correlationid: str | None = None,
    ) -> Receipt:
        """Report an event of any type that the desk takes in (docs/events.md). See `build` for the arguments.

        Raises InvalidField before anything is sent or kept; NotDelivered without a spool; SpoolFull with one.
        """
        event = build(
            event_type,
            data,
            source=self._source,
            at=at,
            event_id=event_id,
            lane=lane,
            subject=subject,
            sequence=sequence,
            backfill=backfill,
            correlationid=correlationid,
        )
        with self._turn:
            return self._deliver(event, time.monotonic() + self._deadline)

    def flush(self) -> Flushed:
        """Send what is spooled, oldest first, within the deadline. Does not raise for the broker."""
        with self._turn:
            return self._flush(time.monotonic() + self._deadline)

    def aside(self) -> list[SetAside]:
        """The spooled events that were set aside, by this flush or an earlier one: somebody must look at them."""
        return [] if self._spool is None else self._spool.aside()

    def _report(self, event_type: str, options: Mapping[str, Any], **fields: Any) -> Receipt:
        arguments = {name: value for name, value in options.items() if name in _ARGUMENTS}
        rest = {name: value for name, value in options.items() if name not in _ARGUMENTS}
        return self.report(event_type, {**rest, **fields}, **arguments)

    def _deliver(self, event: Event, until: float) -> Receipt:
        flushed = self._flush(until)
        if self._spool is not None and self._waits(self._spool, flushed):
            # What waits goes first: an alert must not arrive behind its own resolution.
            return self._keep(event, flushed.reason, until)
        sent = self._send([event], until)
        if event in sent.confirmed:
            return Receipt(id=event.id, status=CONFIRMED, warning=self._warning)
        if event in sent.unfit:
            raise InvalidField("event", sent.unfit[event])
        reason = _reason(sent)
        if self._spool is None:
            raise NotDelivered(event.id, reason)
        self._spool.put(event)
        return Receipt(id=event.id, status=SPOOLED, reason=reason, warning=self._warning)

    def _keep(self, event: Event, reason: str | None, until: float) -> Receipt:
        """Keep an event behind those that wait; where that cannot be done, the broker is its last resort."""
        assert self._spool is not None
        try:
            self._spool.put(event)
        except SpoolFull as error:
            if event not in self._send([event], until).confirmed:
                raise
            self._trouble(str(error))
            return Receipt(id=event.id, status=CONFIRMED, warning=self._warning)
        return Receipt(id=event.id, status=SPOOLED, reason=reason, warning=self._warning)

    def _waits(self, spool: Spool, flushed: Flushed) -> bool:
        """Whether an event is left that could go and has not gone."""
        return bool(flushed.left) and bool(spool.left(besides=self._done | self._passed))

    def _flush(self, until: float) -> Flushed:
        if self._spool is None:
            return Flushed(sent=0, left=0)
        try:
            if not len(self._spool):
                return Flushed(sent=0, left=0)
            with contextlib.ExitStack() as stack:
                try:
                    mine = stack.enter_context(self._spool.locked(_half(until), pause=self._pause))
                except OSError as error:
                    # Nobody can hold it, so nobody is in the way.
                    self._trouble(_cannot_be_used(self._spool, error))
                    return self._drain(self._spool, time.monotonic() + _half(until))
                if not mine:
                    return Flushed(sent=0, left=len(self._spool), reason="another process is sending the spool")
                return self._drain(self._spool, until)
        except OSError as error:
            self._trouble(_cannot_be_used(self._spool, error))
            return Flushed(sent=0, left=0, reason=self._warning)

    def _drain(self, spool: Spool, until: float) -> Flushed:
        total = 0
        before = len(spool.aside())
        # Tried anew each time: what could not be read may have been given back to this user.
        self._passed.clear()
        while batch := self._batch(spool):
            sent = self._send([event for _, event in batch], until)
            for name, event in batch:
                if event in sent.confirmed:
                    self._take_out(spool, name, None)
                    total += 1
                elif event in sent.unfit:
                    self._take_out(spool, name, sent.unfit[event])
            if len(sent.confirmed) + len(sent.unfit) < len(batch):
                return Flushed(total, spool.left(besides=self._passed), _reason(sent), len(spool.aside()) - before)
        return Flushed(total, spool.left(besides=self._passed), self._warning, len(spool.aside()) - before)

    def _batch(self, spool: Spool) -> Sequence[tuple[str, Event]]:
        batch = spool.batch(BATCH, done=self._done | self._passed)
        for name, reason in batch.passed.items():
            self._passed.add(name)
            self._trouble(f"{spool.folder / name} in the spool is passed over: {reason}")
        return batch.events

    def _take_out(self, spool: Spool, name: str, unfit: str | None) -> None:
        try:
            if unfit is None:
                spool.remove(name)
            else:
                spool.set_aside(name, unfit)
        except OSError as error:
            self._done.add(name)
            self._trouble(_cannot_be_used(spool, error))

    def _trouble(self, words: str) -> None:
        """Tell of the spool what is wrong with it, once."""
        if self._warning is None:
            self._warn(words)
        self._warning = words

    def _send(self, events: Sequence[Event], until: float) -> Sent:
        confirmed: set[Event] = set()
        unfit: dict[Event, str] = {}
        fault: Fault | None = None
        for attempt in range(1_000_000):
            left = [event for event in events if event not in confirmed and event not in unfit]
            sent = self._link.send(left, until - time.monotonic())
            confirmed |= sent.confirmed
            unfit.update(sent.unfit)
            fault = sent.fault
            wait = self._backoff[min(attempt, len(self._backoff) - 1)] * random.uniform(0.5, 1.0)
            if fault is None or not fault.passing or time.monotonic() + wait >= until:
                break
            self._pause(wait)
        return Sent(confirmed=frozenset(confirmed), fault=fault, unfit=unfit)


_ARGUMENTS = frozenset({"at", "event_id", "lane", "subject", "sequence", "backfill", "correlationid"})


def _seconds(deadline: float) -> float:
    # Not a number is smaller and larger than nothing, and what is longer than a day is no deadline.
    if not isinstance(deadline, (int, float)) or not 0 <= deadline <= LONGEST_DEADLINE:
        raise InvalidField("deadline", f"must be seconds from 0 to {LONGEST_DEADLINE:.0f}; got {deadline!r}")
    return deadline


def _half(until: float) -> float:
    """Half of the time that is left: the other half is for what comes now."""
    return max(0.0, until - time.monotonic()) / 2


def _cannot_be_used(spool: Spool, error: OSError) -> str:
    return f"the spool {spool.folder} cannot be used: {error.strerror or error}"


def _reason(sent: Sent) -> str:
    return sent.fault.reason if sent.fault is not None else "the broker did not confirm it"


def report(
    event_type: str,
    data: Mapping[str, Any],
    *,
    uri: str,
    source: str,
    spool: str | Path | None = None,
    **options: Any,
) -> Receipt:
    """Report one event over a connection of its own. `options` are the arguments of `Reporter.report`."""
    with Reporter(uri, source=source, spool=spool) as reporter:
        return reporter.report(event_type, data, **options)
