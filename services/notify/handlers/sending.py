"""Send what is due: claim in one transaction, send outside any, record the outcome in another.

A process that dies between the two leaves a delivery whose lease runs out; it is then sent again with the same
Message-ID or webhook-id. To the outside the promise is at least once, and a receiver can drop the copy by that id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol

from services.notify.domain import delivery as lifecycle
from services.notify.domain.delivery import Delivery, Patience, State
from services.notify.domain.outcome import Outcome, Result
from services.notify.domain.rules import Channel
from services.notify.handlers.planning import NOTIFY
from shared.cause import Cause
from shared.envelope import Lane
from shared.storage import Repository, Stored
from shared.unit_of_work import Store, UnitOfWork, Work

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""Before any delivery; it bounds the window of the query from below."""

LOOK_AHEAD = 200
"""How many due deliveries one look finds: a look costs what is due in all, not what it returns."""

BUDGET = timedelta(seconds=1)
"""How long one call takes up further deliveries."""

CLAIMS_PER_PLACE = 5
"""Deliveries taken up in one transaction for each that can be on its way at once."""

Ended = tuple[Channel, Outcome]
Tried = tuple[Stored[Delivery], Result]


class Sender(Protocol):
    """A channel, or all of them."""

    def send(self, key: str, delivery: Delivery, at: datetime, /) -> Result:
        """Hand one delivery over. Never raises for what the other side or the network does: the result says it."""
        ...


Concurrently = Callable[[Callable[[Stored[Delivery]], Tried], Sequence[Stored[Delivery]], int], Iterator[list[Tried]]]
"""Runs a function for each delivery, at most so many at a time; gives what has ended, whenever some have."""


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
    """Send what is due, urgent first, at most `limit` at a time, and return how each attempt ended.

    Returns when nothing found at the start is left, or after the deliveries taken up when BUDGET is over, so that
    what becomes urgent meanwhile does not wait for a long backlog, nor an orderly stop. Outcomes are recorded as they
    come, all that are there in one transaction: a slow receiver holds up nobody's record but its own.
    """

    def send(claimed: Stored[Delivery]) -> Tried:
        return claimed, sender.send(claimed.key, claimed.state, unit_of_work.clock.now())

    def claim(work: Work) -> list[Stored[Delivery]]:
        if fence is not None:
            work.fence(*fence)
        return claim_due(work, next_keys, deliveries=deliveries, patience=patience)

    ended: list[Ended] = []
    started = unit_of_work.clock.now()
    keys = due(unit_of_work.store, started, deliveries.shape.collection)
    size = limit * CLAIMS_PER_PLACE
    while keys and unit_of_work.clock.now() - started < BUDGET:
        next_keys, keys = keys[:size], keys[size:]
        for tried in concurrently(send, unit_of_work.run(claim), limit):
            unit_of_work.run(partial(settle_all, tried=tried, deliveries=deliveries, patience=patience))
            ended += [(claimed.state.channel, result.outcome) for claimed, result in tried]
    return ended


def due(store: Store, now: datetime, collection: str, *, limit: int = LOOK_AHEAD) -> list[str]:
    """The keys of the deliveries that may be taken up now, the urgent lane first, each lane by its due time."""
    keys: list[str] = []
    for lane in Lane:
        if len(keys) < limit:
            # Only what waits or is being sent has a next attempt, so the lane and the window are enough.
            where = {"lane": int(lane)}
            rest = limit - len(keys)
            rows = store.find(collection, where, limit=rest, sort="next_attempt_at", after=EPOCH, until=now)
            keys += [row["_id"] for row in rows]
    return keys


def claim_due(
    work: Work, keys: Sequence[str], *, deliveries: Repository[Delivery], patience: Patience
) -> list[Stored[Delivery]]:
    """Take those up that are still due; returns the ones to send now. One that cannot go on is given up."""
    claimed = []
    for stored in deliveries.get_many(work, keys).values():
        at = stored.state.next_attempt_at
        if at is None or at > work.now:
            continue
        state, events = lifecycle.claim(stored.state, work.now, patience)
        saved = deliveries.save(work, stored, state, events, _cause(state))
        if state.state is State.SENDING:
            claimed.append(saved)
    return claimed


def settle_all(work: Work, *, tried: Sequence[Tried], deliveries: Repository[Delivery], patience: Patience) -> None:
    """Record the outcomes of several attempts."""
    deliveries.get_many(work, [claimed.key for claimed, _ in tried])
    for claimed, result in tried:
        settle(work, claimed, result, deliveries=deliveries, patience=patience)


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


def _cause(delivery: Delivery) -> Cause:
    trail = delivery.trail
    return Cause(
        actor=NOTIFY,
        correlationid=trail.correlationid,
        causationid=delivery.event,
        traceparent=trail.traceparent,
        hops=trail.hops,
    )
