"""Moving messages aside: a copy climbs the retry ladder or lies among the dead letters, and only then is it settled.

Each in this order: the row of the message is held (`shared.climbs`), the broker confirms the copy, the row says so,
the original is acknowledged. Whatever breaks in between, the message is there; and where it is there twice, only one
of the two goes on.

A queue that is full or gone refuses the copy. Then the message stays in hand, unsettled, and is offered again and again
beside everything else, which goes on; `Aside.fault` names the queue. Only when all that the broker hands out at once
is such messages does the entrypoint stand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import eventlet

from shared import logs, metrics
from shared.climbs import Climbs, Turn
from shared.deadletter import dead_message, retry_message
from shared.envelope import Envelope
from shared.errors import Conflict, DeskwireError, Unavailable
from shared.publisher import Message, Outcome
from shared.receiving import Delivery
from shared.retry import RetryAfter, decide
from shared.runtime import Runtime, trail
from shared.topology import DEAD, dead_queue, retry_exchange

log = logs.get(__name__)

UNKNOWN = "unknown"
"""The event of a message that cannot be read."""
LONGEST_PAUSE = 2.0
HOLD_SECONDS = 3.0
"""How long a queue may refuse before others go on beside what it refuses."""
OFFER_SECONDS = 5.0
"""How often what is held is offered again; less than a climb's row is held (`shared.climbs.HOLD`)."""
RUNBOOK = "docs/runbooks/dead-letters.md"

_REFUSALS = frozenset({Outcome.NACKED, Outcome.RETURNED})

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

    @property
    def queue(self) -> str:
        """Where the copy goes: the queue of dead letters, or a rung of the ladder."""
        return self.message.routing_key if self.message.exchange == DEAD else self.message.exchange


class Aside:
    """What one entrypoint cannot handle now. It waits for broker and database, as handling does."""

    def __init__(self, runtime: Runtime, count: Count) -> None:
        self._runtime = runtime
        self._count = count
        self._climbs = Climbs(runtime.unit_of_work, runtime.holder)
        self._held: list[_Move] = []
        self._refused: dict[str, Outcome] = {}

    @property
    def held(self) -> int:
        """Messages that are in hand because a queue refuses them: nothing before them may be settled in one go."""
        return len(self._held)

    @property
    def fault(self) -> str | None:
        """Which queue refuses, and what to do; None while nothing is held."""
        if not self._held:
            return None
        queues = [
            f"{queue} is {'full' if why is Outcome.NACKED else 'not there'}"
            for queue, why in sorted(self._refused.items())
        ]
        return (
            f"{', '.join(queues) or 'a queue refused'}; {len(self._held)} messages wait for it (runbook dead-letters)"
        )

    def move(self, faults: Iterable[Fault]) -> None:
        """Settle all of them, or hold what a queue refuses; or none that is left when their connection is gone, for
        they come again."""
        left = [self._judged(*fault) for fault in faults]
        pause, waited = 0.1, 0.0
        while left and not any(move.delivery.lost for move in left):
            left, refused = self._try(left)
            stopping = self._runtime.consumer.stopping
            if left and stopping and (refused or self._runtime.store.fault is not None):
                left[0].delivery.give_up()
            elif left and refused and (self._held or waited >= HOLD_SECONDS):
                self._hold(left)
                return
            elif left:
                eventlet.sleep(pause)
                waited += pause
                pause = min(pause * 2, LONGEST_PAUSE)

    def _hold(self, moves: Sequence[_Move]) -> None:
        first = not self._held
        self._held += moves
        metrics.MESSAGES_HELD.labels(service=self._runtime.service).inc(len(moves))
        if first:
            log.error("messages cannot be moved aside", error=self.fault, runbook=RUNBOOK)
            self._runtime.container.spawn_managed_thread(self._offer, identifier="aside")

    def _offer(self) -> None:
        """Offer what is held until nothing is; one of each queue first, for a full one refuses them all."""
        while self._held:
            eventlet.sleep(OFFER_SECONDS)
            self._keep([move for move in self._held if not move.delivery.lost])
            if self._held and self._runtime.consumer.stopping:
                self._held[0].delivery.give_up()
            elif self._held:
                self._offer_once()
        log.info("no message is held any more")

    def _offer_once(self) -> None:
        self._refused = {}
        firsts = list({move.queue: move for move in reversed(self._held)}.values())
        left, _ = self._try(firsts)
        takes = {move.queue for move in firsts} - {move.queue for move in left}
        rest = [move for move in self._held if move not in firsts and move.queue in takes]
        left += self._try(rest)[0] if rest else []
        self._keep([move for move in self._held if move in left or move not in (*firsts, *rest)])

    def _keep(self, moves: list[_Move]) -> None:
        metrics.MESSAGES_HELD.labels(service=self._runtime.service).dec(len(self._held) - len(moves))
        self._held = moves

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

    def _try(self, moves: Sequence[_Move]) -> tuple[list[_Move], bool]:
        """Move what can be moved now; returns the rest, and whether a queue has refused any of it."""
        try:
            turns = self._turns(moves)
        except (Unavailable, Conflict) as error:
            log.warning("waiting to move messages aside", error=str(error))
            return list(moves), False
        going = [move for move, turn in zip(moves, turns, strict=True) if turn is Turn.GO]
        outcomes = self._publish([move.message for move in going])
        gone = [move for move, outcome in zip(going, outcomes, strict=True) if outcome is Outcome.CONFIRMED]
        refused = {move.queue: why for move, why in zip(going, outcomes, strict=True) if why in _REFUSALS}
        self._refused |= refused
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
        return rest, bool(refused)

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

    def _publish(self, messages: list[Message]) -> list[Outcome | None]:
        """What the broker said of each; None where it did not answer."""
        try:
            return list(self._runtime.publisher.publish(messages))
        except Unavailable as error:
            log.warning("cannot move messages aside", error=str(error))
            return [None] * len(messages)

    def _note(self, moves: Sequence[_Move]) -> None:
        try:
            self._climbs.went([(move.delivery.trip, move.outcome == "dead") for move in moves])
        except (Unavailable, Conflict) as error:
            # The copies are there. Only if the acknowledgement is lost as well will there be two for a while.
            log.warning("could not note what has gone on", error=str(error))
