"""Keeps deliveries on their way: attempts begin as places come free and are recorded as they end.

No step waits for its slowest: an attempt that takes long goes on beside the next ones (`domain.fairness`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from services.notify.domain.delivery import Delivery
from services.notify.domain.fairness import Admission, Attempting, Places, Receiver, Traffic
from services.notify.domain.outcome import Outcome, Result
from services.notify.domain.rules import Channel
from services.notify.handlers.backlog import EPOCH, Backlog
from services.notify.handlers.rounds import Fence, Rounds, Tried
from shared import logs
from shared.clock import Clock
from shared.envelope import Lane
from shared.errors import Crowded, Rejected
from shared.storage import Stored
from shared.unit_of_work import UnitOfWork

log = logs.get(__name__)

RECOVERED = 50
"""How many of a vanished sender's deliveries are given back in one transaction."""
STEP = timedelta(seconds=1)
"""How long one step goes on before others have their turn."""

ITS_OWN = (Rejected, ValueError, TypeError, LookupError, ExceptionGroup)
"""What a stored delivery that cannot be read or changed raises; anything else is the store's, and passes."""

Ended = tuple[Channel, Outcome]


class Crew(Protocol):
    """Makes attempts, each by itself."""

    def begin(self, taken: Stored[Delivery], at: datetime) -> None:
        """Begin an attempt; returns at once."""
        ...

    def ended(self) -> list[tuple[Stored[Delivery], Result | None]]:
        """What has ended: waits a moment for the first, and gathers those that end together with it.

        None as a result: it was broken off before the message left, and is as if it had not been begun.
        """
        ...

    def break_off(self) -> None:
        """End all attempts now; `ended` gives them."""
        ...


class Dispatcher:
    """Sends what is due, one `step` at a time. `steady` is a clock that is never set; pauses go by it."""

    def __init__(
        self,
        unit_of_work: UnitOfWork,
        *,
        steady: Clock,
        rounds: Rounds,
        backlog: Backlog,
        places: Places,
        crew: Crew,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._steady = steady
        self._rounds = rounds
        self._backlog = backlog
        self._crew = crew
        self._traffic = Traffic(places=places)
        self._tried: list[Tried] = []
        self._fence: Fence | None = None
        self._renew_at = EPOCH
        self._unreadable: set[str] = set()

    def step(self, fence: Fence | None, stopping: Callable[[], bool]) -> list[Ended]:
        """Begin what may begin, and record what has ended; returns how each attempt ended.

        Begins nothing once the process is `stopping`, nor without the lease (`fence` is None). Returns when there is
        nothing more to do at this moment, and after STEP in any case.
        """
        self._fence = fence or self._fence
        started = self._steady.now()
        ended: list[Ended] = []
        while True:
            if fence is not None and not stopping():
                self._begin(fence)
            found = self._record()
            ended += found
            if not found or self._steady.now() - started >= STEP:
                self._renew()
                return ended

    def wind_up(self, patience: timedelta) -> list[Ended]:
        """For an orderly stop: let attempts end for as long as `patience`, break the others off, and give all back.

        Raises Unavailable while outcomes cannot be recorded; they are kept, and it can be called again.
        """
        deadline = self._steady.now() + patience
        ended: list[Ended] = []
        while self._traffic.attempting and self._steady.now() < deadline:
            ended += self._record()
        self._crew.break_off()
        while self._traffic.attempting:
            ended += self._record()
        return ended + self._settle()

    def ailing(self) -> Sequence[Receiver]:
        """The receivers that are left alone or tried by one delivery at a time because they fail."""
        return tuple(self._traffic.ailing(self._steady.now()))

    def _held(self) -> set[str]:
        return {*self._traffic.attempting, *(stored.key for stored, _ in self._tried)}

    def _begin(self, fence: Fence) -> None:
        """Begin what is admitted, the urgent lane first, and give back what a vanished sender has left behind."""
        theirs, left = self._rounds.held_by_others(self._unit_of_work.store, self._unit_of_work.clock.now(), fence)
        self._recover([key for key in left if key not in self._unreadable], fence)
        chosen = self._choose(theirs)
        self._take_up(list(chosen), chosen, fence)

    def _choose(self, theirs: Collection[str]) -> dict[str, Attempting]:
        """What can begin now, by its key: each is admitted beside all that were chosen before it."""
        now, traffic, chosen = self._steady.now(), self._traffic, dict[str, Attempting]()
        held = {*self._held(), *self._unreadable, *theirs}
        for lane in Lane:
            if not traffic.has_place(lane, now):
                continue
            wanted = partial(self._admits, traffic, now)
            store, clock = self._unit_of_work.store, self._unit_of_work.clock
            for waiting in self._backlog.look(lane, store, clock.now(), now, wanted, held):
                if traffic.admit(waiting.receiver, lane, now) is Admission.ADMITTED:
                    chosen[waiting.key] = Attempting(receiver=waiting.receiver, lane=int(lane), started_at=now)
                    traffic = traffic.begun(waiting.key, chosen[waiting.key])
        return chosen

    def _admits(self, traffic: Traffic, now: datetime, receiver: Receiver, lane: Lane) -> bool:
        return traffic.admit(receiver, lane, now) is Admission.ADMITTED

    def _take_up(self, keys: Sequence[str], chosen: Mapping[str, Attempting], fence: Fence) -> None:
        """Begin what is still due; what cannot be read holds up no other, and is tried again by the next process."""
        if not keys:
            return
        try:
            taken = self._unit_of_work.run(partial(self._rounds.take_up, keys=keys, held=self._held(), fence=fence))
        except ITS_OWN:
            if len(keys) == 1:
                self._give_up_on(keys[0], "a delivery cannot be taken up")
            else:
                for key in keys:
                    self._take_up([key], chosen, fence)
            return
        self._renewed()
        for stored in taken:
            self._traffic = self._traffic.begun(stored.key, chosen[stored.key])
            self._crew.begin(stored, self._unit_of_work.clock.now())

    def _recover(self, keys: Sequence[str], fence: Fence) -> None:
        """In as many transactions as it takes: what is on its way may be more than one of them holds."""
        held = [key for key in keys if key in self._held()]
        left = [key for key in keys if key not in held]
        if held:
            # Ours, from before the lease was somebody else's for a while: it stands in our round by now.
            self._unit_of_work.run(partial(self._rounds.forget, keys=held, fence=fence))
        while left:
            try:
                done = self._unit_of_work.run_fitting(partial(self._rounds.recover, keys=left, fence=fence), RECOVERED)
            except ITS_OWN:
                done = self._recover_one(left[0], fence)
            left = left[done:]

    def _recover_one(self, key: str, fence: Fence) -> int:
        try:
            self._unit_of_work.run(partial(self._rounds.recover, most=1, keys=[key], fence=fence))
        except ITS_OWN:
            self._give_up_on(key, "a delivery that was on its way cannot be given back")
            self._unit_of_work.run(partial(self._rounds.forget, keys=[key], fence=fence))
        return 1

    def _give_up_on(self, key: str, why: str) -> None:
        log.exception(why, delivery=key)
        self._unreadable.add(key)

    def _record(self) -> list[Ended]:
        if not self._traffic.attempting:
            return self._settle()
        for stored, result in self._crew.ended():
            if result is None:
                self._traffic = self._traffic.dropped(stored.key)
            else:
                self._traffic = self._traffic.ended(stored.key, result, self._steady.now())
                self._tried.append((stored, result))
        return self._settle()

    def _settle(self) -> list[Ended]:
        """Record what has ended. What cannot be recorded now is kept for the next time."""
        if not self._tried:
            return []
        tried = tuple(self._tried)
        self._write(tried)
        self._tried = self._tried[len(tried) :]
        return [(stored.state.channel, result.outcome) for stored, result in tried]

    def _write(self, tried: Sequence[Tried]) -> None:
        held = self._held() - {stored.key for stored, _ in tried}
        block = partial(self._rounds.settle, tried=tried, held=held, fence=self._fence)
        try:
            self._unit_of_work.run(block)
        except (*ITS_OWN, Crowded) as error:
            if len(tried) == 1 and isinstance(error, Crowded):
                raise
            if len(tried) == 1:
                self._write_bare(*tried[0], held)
                return
            for one in tried:
                self._write([one])
        self._renewed()

    def _write_bare(self, stored: Stored[Delivery], result: Result, held: Collection[str]) -> None:
        """Once more without the words of the other side; what cannot be recorded even so is not sent again by us."""
        bare = [(stored, replace(result, detail=""))]
        try:
            self._unit_of_work.run(partial(self._rounds.settle, tried=bare, held=held, fence=self._fence))
        except ITS_OWN:
            self._give_up_on(stored.key, "an outcome cannot be recorded")

    def _renew(self) -> None:
        """What is on its way stays ours, with the lease of sending or without it, as long as the attempt goes on."""
        if self._held() and self._steady.now() >= self._renew_at:
            self._unit_of_work.run(partial(self._rounds.settle, tried=(), held=self._held(), fence=self._fence))
            self._renewed()

    def _renewed(self) -> None:
        self._renew_at = self._steady.now() + self._rounds.lease / 3
