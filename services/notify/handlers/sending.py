"""Send what is due: claim in one transaction, send outside any, record the outcome in another.

A process that dies between the two leaves a delivery whose lease runs out; it is then sent again with the same
Message-ID or webhook-id. To the outside the promise is at least once, and a receiver can drop the copy by that id.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from services.notify.domain import delivery as lifecycle
from services.notify.domain.delivery import Delivery, Patience, State
from services.notify.domain.outcome import Outcome, Result
from services.notify.domain.rules import Channel
from services.notify.handlers.planning import NOTIFY
from shared.cause import Cause
from shared.envelope import Lane
from shared.storage import Repository, Stored
from shared.unit_of_work import UnitOfWork, Work

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""Before any delivery; it bounds the window of the query from below."""

Ended = tuple[Channel, Outcome]


class Sender(Protocol):
    """A channel, or all of them."""

    def send(self, key: str, delivery: Delivery, at: datetime, /) -> Result:
        """Hand one delivery over. Never raises for what the other side or the network does: the result says it."""
        ...


Concurrently = Callable[[Callable[[Stored[Delivery]], Ended], Sequence[Stored[Delivery]]], list[Ended]]
"""Runs a function for each delivery, several at a time; returns what they returned, and raises the first error."""


def send_due(
    unit_of_work: UnitOfWork,
    *,
    deliveries: Repository[Delivery],
    patience: Patience,
    limit: int,
    sender: Sender,
    concurrently: Concurrently,
    fence: tuple[str, int] | None = None,
) -> list[Ended]:
    """Send up to `limit` due deliveries, urgent first, and return how each attempt ended."""

    def claim(work: Work) -> list[Stored[Delivery]]:
        if fence is not None:
            work.fence(*fence)
        return claim_due(work, deliveries=deliveries, patience=patience, limit=limit)

    def one(claimed: Stored[Delivery]) -> Ended:
        return deliver(unit_of_work, claimed, deliveries=deliveries, patience=patience, sender=sender)

    claimed = unit_of_work.run(claim)
    return concurrently(one, claimed) if claimed else []


def claim_due(
    work: Work, *, deliveries: Repository[Delivery], patience: Patience, limit: int
) -> list[Stored[Delivery]]:
    """Take up to `limit` due deliveries up; returns the ones to send now. One that cannot go on is given up."""
    claimed = []
    for stored in _due(work, deliveries, limit):
        state, events = lifecycle.claim(stored.state, work.now, patience)
        saved = deliveries.save(work, stored, state, events, _cause(state))
        if state.state is State.SENDING:
            claimed.append(saved)
    return claimed


def deliver(
    unit_of_work: UnitOfWork,
    claimed: Stored[Delivery],
    *,
    deliveries: Repository[Delivery],
    patience: Patience,
    sender: Sender,
) -> Ended:
    """Send one claimed delivery and record the outcome. Raises only what the store raises."""
    result = sender.send(claimed.key, claimed.state, unit_of_work.clock.now())
    unit_of_work.run(lambda work: settle(work, claimed, result, deliveries=deliveries, patience=patience))
    return claimed.state.channel, result.outcome


def settle(
    work: Work,
    claimed: Stored[Delivery],
    result: Result,
    *,
    deliveries: Repository[Delivery],
    patience: Patience,
) -> Stored[Delivery]:
    """Record the outcome of an attempt.

    Where another sender has taken the delivery up meanwhile, because this one outlived its lease, only a success
    still counts: it is true whoever is slower, and it spares the receiver another copy.
    """
    stored = deliveries.get(work, claimed.key)
    overtaken = stored.version != claimed.version
    if overtaken and (result.outcome is not Outcome.SENT or stored.state.state not in lifecycle.CLAIMABLE):
        return stored
    state, events = lifecycle.settle(stored.state, result, work.now, patience)
    return deliveries.save(work, stored, state, events, _cause(state))


def _due(work: Work, deliveries: Repository[Delivery], limit: int) -> list[Stored[Delivery]]:
    collection = deliveries.shape.collection
    keys: list[str] = []
    for lane in Lane:
        if len(keys) < limit:
            # Only what waits or is being sent has a next attempt, so the lane and the window are enough.
            where = {"lane": int(lane)}
            rest = limit - len(keys)
            rows = work.store.find(collection, where, limit=rest, sort="next_attempt_at", after=EPOCH, until=work.now)
            keys += [row["_id"] for row in work.adopt(collection, rows)]
    return list(deliveries.get_many(work, keys).values())


def _cause(delivery: Delivery) -> Cause:
    trail = delivery.trail
    return Cause(
        actor=NOTIFY,
        correlationid=trail.correlationid,
        causationid=delivery.event,
        traceparent=trail.traceparent,
        hops=trail.hops,
    )
