"""What is on its way: taken up in one transaction, recorded in others, and given back by whoever vanished.

It stands in one row and belongs to its sender for a while, which the sender renews. A process that dies leaves it
behind; when its time is over, the next sender records those deliveries as interrupted and sends them again with the
same Message-ID or webhook-id. To the outside the promise is at least once, and a receiver can drop the copy by that id.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.notify.domain import delivery as lifecycle
from services.notify.domain.delivery import ROUNDS, Delivery, State
from services.notify.domain.outcome import Outcome, Result
from services.notify.domain.patience import PatienceTable
from services.notify.handlers.planning import NOTIFY
from shared.cause import Cause
from shared.storage import Repository, Stored
from shared.store import Store
from shared.unit_of_work import Work

Fence = tuple[str, int]
Tried = tuple[Stored[Delivery], Result]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """Takes deliveries up, and records how their attempts ended. A sender's are its own for the time of `lease`."""

    deliveries: Repository[Delivery]
    patience: PatienceTable
    lease: timedelta

    def take_up(
        self, work: Work, *, keys: Sequence[str], held: Collection[str], fence: Fence
    ) -> list[Stored[Delivery]]:
        """Take those up that are still due, beside those `held` already; returns the ones to send now.

        What stands in another sender's round is left alone.
        """
        work.fence(*fence)
        others = [one for one in _rounds(work) if one["token"] != fence[1]]
        theirs = {key for one in others for key in one["keys"]}
        wanted = [key for key in keys if key not in theirs]
        taken = [stored for stored in self.deliveries.get_many(work, wanted).values() if _due(stored.state, work.now)]
        self._keep(work, others, {*held, *(stored.key for stored in taken)}, fence)
        return taken

    def held_by_others(self, store: Store, now: datetime, fence: Fence) -> tuple[set[str], list[str]]:
        """The keys that other senders have on their way, and those that a vanished one has left behind."""
        rows = store.read(ROUNDS, [ROUNDS])
        others = [one for one in (rows[0]["rounds"] if rows else []) if one["token"] != fence[1]]
        theirs = {key for one in others if self._holds(one, now) for key in one["keys"]}
        left = {key for one in others if not self._holds(one, now) for key in one["keys"]}
        return theirs, sorted(left - theirs)

    def recover(self, work: Work, most: int, *, keys: Sequence[str], fence: Fence) -> int:
        """Give back the first `most` of what a vanished sender has left behind; returns how many that were.

        Each counts an interrupted attempt, and one whose patience is out is given up.
        """
        work.fence(*fence)
        recovered = keys[:most]
        for stored in self.deliveries.get_many(work, recovered).values():
            if _due(stored.state, work.now):
                result = Result(outcome=Outcome.INTERRUPTED, detail="the sender stopped before it knew the outcome")
                self._settled(work, stored, result)
        self.forget(work, recovered, fence)
        return len(recovered)

    def forget(self, work: Work, keys: Sequence[str], fence: Fence) -> None:
        """These stand in no vanished sender's round any more."""
        rounds = [
            one
            if one["token"] == fence[1] or self._holds(one, work.now)
            else {**one, "keys": _without(one["keys"], keys)}
            for one in _rounds(work)
        ]
        work.put(ROUNDS, ROUNDS, {"rounds": [one for one in rounds if one["keys"]]})

    def _holds(self, round_: Mapping[str, Any], now: datetime) -> bool:
        """Whether a round is its sender's still. One that ends too late was begun by a clock that was set since."""
        return bool(now < round_["until"] <= now + 2 * self.lease)

    def settle(self, work: Work, *, tried: Sequence[Tried], held: Collection[str], fence: Fence | None) -> None:
        """Record the outcomes of several attempts, and that only those `held` are still on their way, for a while yet.

        A sender that has lost its lease may do so, too: how an attempt ended is true whoever sends now.
        """
        self.deliveries.get_many(work, [taken.key for taken, _ in tried])
        for taken, result in tried:
            self.settle_one(work, taken, result)
        if fence is not None:
            self._keep(work, [one for one in _rounds(work) if one["token"] != fence[1]], held, fence)

    def settle_one(self, work: Work, taken: Stored[Delivery], result: Result) -> Stored[Delivery]:
        """Record the outcome of an attempt.

        Where the delivery has changed meanwhile, because a person cancelled it or this sender outlived its round, only
        a success still counts: it is true whoever is slower, and it spares the receiver another copy.
        """
        stored = self.deliveries.get(work, taken.key)
        if stored.version != taken.version:
            late = (State.PLANNED, State.DOUBTFUL, State.CANCELLED)
            if result.outcome is not Outcome.SENT or stored.state.state not in late:
                return stored
        return self._settled(work, stored, result)

    def _settled(self, work: Work, stored: Stored[Delivery], result: Result) -> Stored[Delivery]:
        delivery = stored.state
        patience = self.patience.of(delivery.channel, delivery.lane)
        state, events = lifecycle.settle(delivery, result, work.now, patience)
        return self.deliveries.save(work, stored, state, events, _cause(state))

    def _keep(self, work: Work, others: Sequence[dict[str, Any]], held: Collection[str], fence: Fence) -> None:
        ours = {"token": fence[1], "until": work.now + self.lease, "keys": sorted(held)}
        work.put(ROUNDS, ROUNDS, {"rounds": [one for one in (*others, ours) if one["keys"]]})


def _without(keys: Sequence[str], others: Sequence[str]) -> list[str]:
    return [key for key in keys if key not in others]


def _due(delivery: Delivery, now: datetime) -> bool:
    return delivery.next_attempt_at is not None and delivery.next_attempt_at <= now


def _rounds(work: Work) -> list[dict[str, Any]]:
    """What is on its way: token of the sender's lease, until when it is theirs, keys of the deliveries."""
    return list(work.load(ROUNDS, [ROUNDS]).get(ROUNDS, {"rounds": []})["rounds"])


def _cause(delivery: Delivery) -> Cause:
    trail = delivery.trail
    return Cause(
        actor=NOTIFY,
        correlationid=trail.correlationid,
        causationid=delivery.event,
        traceparent=trail.traceparent,
        hops=trail.hops,
    )
