"""Send what is due: take a round up in one transaction, send outside any, record the outcomes in others.

What is on its way stands in one row, and belongs to its sender for a while. A process that dies leaves it behind;
when its time is over, the next sender records those deliveries as interrupted and sends them again with the same
Message-ID or webhook-id. To the outside the promise is at least once, and a receiver can drop the copy by that id.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Protocol

from services.notify.domain import delivery as lifecycle
from services.notify.domain.delivery import ROUNDS, Delivery, Patience, State
from services.notify.domain.outcome import Outcome, Result
from services.notify.domain.rules import Channel
from services.notify.handlers.planning import NOTIFY
from shared.cause import Cause
from shared.envelope import Lane
from shared.storage import Repository, Stored
from shared.store import Store
from shared.unit_of_work import UnitOfWork, Work

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""Before any delivery; it bounds the window of the query from below."""

LOOK_AHEAD = 200
"""How many due deliveries one look finds: a look costs what is due in all, not what it returns."""

BUDGET = timedelta(seconds=1)
"""How long deliveries of one round are begun."""

Ended = tuple[Channel, Outcome]
Tried = tuple[Stored[Delivery], Result]
Fence = tuple[str, int]


class Sender(Protocol):
    """A channel, or all of them."""

    def send(self, key: str, delivery: Delivery, at: datetime, /) -> Result:
        """Hand one delivery over. Never raises for what the other side or the network does: the result says it."""
        ...


Go = Callable[[], bool]
Concurrently = Callable[
    [Callable[[Stored[Delivery]], Tried], Sequence[Stored[Delivery]], int, Go], Iterator[list[Tried]]
]
"""Runs a function for each delivery, at most so many at a time, and begins none once `Go` says no.

Gives what has ended, whenever some have; what was not begun it leaves out.
"""


def send_due(
    unit_of_work: UnitOfWork,
    *,
    deliveries: Repository[Delivery],
    patience: Patience,
    limit: int,
    sender: Sender,
    concurrently: Concurrently,
    fence: Fence,
    stopping: Callable[[], bool] = lambda: False,
) -> list[Ended]:
    """Send what is due, urgent first, at most `limit` at a time, and return how each attempt ended.

    Begins no other after BUDGET or when the process is `stopping`, so that what becomes urgent meanwhile does not
    wait for a long backlog, nor an orderly stop. Outcomes are recorded as they come, all that are there in one
    transaction: a slow receiver holds up nobody's record but its own.
    """
    started = unit_of_work.clock.now()

    def send(taken: Stored[Delivery]) -> Tried:
        return taken, sender.send(taken.key, taken.state, unit_of_work.clock.now())

    def go() -> bool:
        return not stopping() and unit_of_work.clock.now() - started < BUDGET

    keys = due(unit_of_work.store, started, deliveries.shape.collection)
    if not keys:
        return []
    taken = unit_of_work.run(partial(take_up, keys=keys, deliveries=deliveries, patience=patience, fence=fence))
    left = {one.key for one in taken}
    ended: list[Ended] = []
    for tried in concurrently(send, taken, limit, go):
        left -= {one.key for one, _ in tried}
        unit_of_work.run(
            partial(settle_all, tried=tried, left=left, deliveries=deliveries, patience=patience, fence=fence)
        )
        ended += [(one.state.channel, result.outcome) for one, result in tried]
    if left:
        unit_of_work.run(partial(settle_all, tried=(), left=(), deliveries=deliveries, patience=patience, fence=fence))
    return ended


def due(store: Store, now: datetime, collection: str, *, limit: int = LOOK_AHEAD) -> list[str]:
    """The keys of the deliveries that may be taken up now, the urgent lane first, each lane by its due time."""
    keys: list[str] = []
    for lane in Lane:
        if len(keys) < limit:
            # Only what waits has a next attempt, so the lane and the window are enough.
            where = {"lane": int(lane)}
            rest = limit - len(keys)
            rows = store.find(collection, where, limit=rest, sort="next_attempt_at", after=EPOCH, until=now)
            keys += [row["_id"] for row in rows]
    return keys


def take_up(
    work: Work, *, keys: Sequence[str], deliveries: Repository[Delivery], patience: Patience, fence: Fence
) -> list[Stored[Delivery]]:
    """Take those up that are still due; returns the ones to send now.

    What belongs to another sender's round is left alone. Once that round's time is over, its deliveries count an
    interrupted attempt, and one whose patience is out is given up.
    """
    work.fence(*fence)
    others = [one for one in _rounds(work) if one["token"] != fence[1]]
    theirs = {key for one in others if one["until"] > work.now for key in one["keys"]}
    lost = {key for one in others if one["until"] <= work.now for key in one["keys"]} - theirs
    taken = []
    wanted = [key for key in keys if key not in theirs]
    for stored in deliveries.get_many(work, wanted + sorted(lost.difference(wanted))).values():
        if not _due(stored.state, work.now):
            continue
        if stored.key in lost:
            result = Result(outcome=Outcome.INTERRUPTED, detail="the sender stopped before it knew the outcome")
            state, events = lifecycle.settle(stored.state, result, work.now, patience)
            stored = deliveries.save(work, stored, state, events, _cause(state))
        if _due(stored.state, work.now):
            taken.append(stored)
    ours = {"token": fence[1], "until": work.now + patience.lease, "keys": [one.key for one in taken]}
    _keep(work, [*(one for one in others if one["until"] > work.now), ours])
    return taken


def settle_all(
    work: Work,
    *,
    tried: Sequence[Tried],
    left: Collection[str],
    deliveries: Repository[Delivery],
    patience: Patience,
    fence: Fence,
) -> None:
    """Record the outcomes of several attempts, and that only those `left` are still on their way."""
    deliveries.get_many(work, [taken.key for taken, _ in tried])
    for taken, result in tried:
        settle(work, taken, result, deliveries=deliveries, patience=patience)
    _keep(work, [{**one, "keys": sorted(left)} if one["token"] == fence[1] else one for one in _rounds(work)])


def settle(
    work: Work,
    taken: Stored[Delivery],
    result: Result,
    *,
    deliveries: Repository[Delivery],
    patience: Patience,
) -> Stored[Delivery]:
    """Record the outcome of an attempt.

    Where the delivery has changed meanwhile, because a person cancelled it or this sender outlived its round, only a
    success still counts: it is true whoever is slower, and it spares the receiver another copy.
    """
    stored = deliveries.get(work, taken.key)
    if stored.version != taken.version:
        counts = result.outcome is Outcome.SENT and stored.state.state in (State.PLANNED, State.CANCELLED)
        if not counts:
            return stored
    state, events = lifecycle.settle(stored.state, result, work.now, patience)
    return deliveries.save(work, stored, state, events, _cause(state))


def _due(delivery: Delivery, now: datetime) -> bool:
    return delivery.next_attempt_at is not None and delivery.next_attempt_at <= now


def _rounds(work: Work) -> list[dict[str, Any]]:
    """What is on its way: token of the sender's lease, until when it is theirs, keys of the deliveries."""
    return list(work.load(ROUNDS, [ROUNDS]).get(ROUNDS, {"rounds": []})["rounds"])


def _keep(work: Work, rounds: Sequence[dict[str, Any]]) -> None:
    work.put(ROUNDS, ROUNDS, {"rounds": [one for one in rounds if one["keys"]]})


def _cause(delivery: Delivery) -> Cause:
    trail = delivery.trail
    return Cause(
        actor=NOTIFY,
        correlationid=trail.correlationid,
        causationid=delivery.event,
        traceparent=trail.traceparent,
        hops=trail.hops,
    )
