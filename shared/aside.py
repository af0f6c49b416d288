"""Moving messages aside: a copy climbs the retry ladder or lies among the dead letters, and only then is it settled.

Each in this order: the row of the message is held (`shared.climbs`), the broker confirms the copy, the row says so,
the original is acknowledged. Whatever breaks in between, the message is there; and where it is there twice, only one
of the two goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import eventlet

from shared import logs
from shared.climbs import Climbs, Turn
from shared.deadletter import dead_message, retry_message
from shared.envelope import Envelope
from shared.errors import Conflict, DeskwireError, Unavailable
from shared.publisher import Message, Outcome
from shared.receiving import Delivery
from shared.retry import RetryAfter, decide
from shared.runtime import Runtime, trail
from shared.topology import dead_queue, retry_exchange

log = logs.get(__name__)

UNKNOWN = "unknown"
"""The event of a message that cannot be read."""
LONGEST_PAUSE = 2.0

Fault = tuple[Delivery, Envelope | None, BaseException]
"""A delivery that failed, the event in it as far as one could be read, and why."""
Count = Callable[[str, str], None]
"""Counts an event and its outcome."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Move:
    """A delivery and the copy by which it goes on."""

    delivery: Delivery
    message: Message
    event: str
    outcome: str


class Aside:
    """What one entrypoint cannot handle now. It waits for broker and database, as handling does."""

    def __init__(self, runtime: Runtime, count: Count) -> None:
        self._runtime = runtime
        self._count = count
        self._climbs = Climbs(runtime.unit_of_work, runtime.holder)

    def move(self, faults: Iterable[Fault]) -> None:
        """Settle all of them; or none that is left when their connection is gone, for they come again."""
        left = [self._judged(*fault) for fault in faults]
        pause = 0.1
        while left and not any(move.delivery.lost for move in left):
            left = self._try(left)
            if left and self._runtime.consumer.stopping and self._runtime.store.fault is not None:
                left[0].delivery.give_up()
            elif left:
                eventlet.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def _judged(self, delivery: Delivery, envelope: Envelope | None, error: BaseException) -> _Move:
        # Of several in a batch each has a trail of its own; of one that cannot be read none is known.
        with logs.bound(**trail([[] if envelope is None else [envelope]])):
            return self._verdict(delivery, UNKNOWN if envelope is None else envelope.type, error)

    def _verdict(self, delivery: Delivery, event: str, error: BaseException) -> _Move:
        settings, trip, now = self._runtime.settings, delivery.trip, self._runtime.clock.now()
        verdict = decide(error, trip.attempt, max_attempts=settings.retry_attempts, ladder=settings.retry_ladder)
        slug = error.slug if isinstance(error, DeskwireError) else type(error).__name__
        if isinstance(verdict, RetryAfter):
            log.warning("will try again", event_type=event, id=trip.identity, attempt=trip.attempt, error=slug)
            message = retry_message(trip, retry_exchange(verdict.delay), now)
            return _Move(delivery=delivery, message=message, event=event, outcome="retried")
        log.error("dead letter", event_type=event, id=trip.identity, reason=verdict.reason, error=str(error)[:300])
        message = dead_message(trip, self._runtime.service, verdict.reason, error, now)
        return _Move(delivery=delivery, message=message, event=event, outcome="dead")

    def _try(self, moves: Sequence[_Move]) -> list[_Move]:
        """Move what can be moved now; returns the rest."""
        try:
            turns = self._turns(moves)
        except (Unavailable, Conflict) as error:
            log.warning("waiting to move messages aside", error=str(error))
            return list(moves)
        going = [move for move, turn in zip(moves, turns, strict=True) if turn is Turn.GO]
        outcomes = self._publish([move.message for move in going])
        gone = [move for move, outcome in zip(going, outcomes, strict=True) if outcome is Outcome.CONFIRMED]
        self._note(gone)
        for move in gone:
            move.delivery.ack()
            self._count(move.event, move.outcome)
        rest = []
        for move, turn in zip(moves, turns, strict=True):
            if turn in (Turn.GONE, Turn.BURIED):
                log.info("a copy of what has gone on", id=move.delivery.trip.identity)
                move.delivery.ack()
                self._count(move.event, "duplicate")
            elif move not in gone:
                rest.append(move)
        return rest

    def _turns(self, moves: Sequence[_Move]) -> list[Turn]:
        trips = [move.delivery.trip for move in moves]
        turns = self._climbs.claim(trips)
        buried = {
            trip.key
            for trip, turn in zip(trips, turns, strict=True)
            if turn is Turn.BURIED and trip.attempt == 1 and not trip.redelivered
        }
        # What a sender sends again is a copy as long as its letter is there. One that is not was taken away past us.
        if buried and not self._runtime.publisher.length(dead_queue(self._runtime.service)):
            again = self._climbs.claim(trips, anew=buried)
            turns = [new if trip.key in buried else old for trip, old, new in zip(trips, turns, again, strict=True)]
        return turns

    def _publish(self, messages: list[Message]) -> list[Outcome]:
        try:
            return self._runtime.publisher.publish(messages)
        except Unavailable as error:
            log.warning("cannot move messages aside", error=str(error))
            return [Outcome.NACKED] * len(messages)

    def _note(self, moves: Sequence[_Move]) -> None:
        try:
            self._climbs.went([(move.delivery.trip, move.outcome == "dead") for move in moves])
        except (Unavailable, Conflict) as error:
            # The copies are there. Only if the acknowledgement is lost as well will there be two for a while.
            log.warning("could not note what has gone on", error=str(error))
