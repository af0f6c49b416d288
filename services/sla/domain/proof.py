"""Proves a clock that has ended by the agreements under which it did, whatever holds today."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from services.sla.domain.explanation import Explanation, explain
from services.sla.domain.history import Entry, known_at
from services.sla.domain.keeping import Kept
from services.sla.domain.policy import Agreements
from services.sla.domain.recompute import Difference, Expected, ceased, recompute, record_differences
from services.sla.domain.record import Clock
from services.sla.domain.run import UNAGREED, VOID, Identity, Run

_LEAST = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The first `entries` of the history, folded by the agreements of then, are what the record says.

    `ceased`: agreements went, and the clock with them; but for that it ran.
    """

    entries: int
    ceased: bool


@dataclass(slots=True, kw_only=True)
class Then:
    """One incident by the agreements of then. What is folded is kept: its clocks mostly ask for the same.

    `exact` is false where the desk's rules or its time zones were others than today's: then today's stand in for them.
    """

    incident: str
    entries: Sequence[Entry]
    agreements: Agreements
    kept: tuple[Kept, ...]
    exact: bool
    _expected: dict[tuple[int, datetime], Expected] = field(default_factory=dict)
    _explained: dict[tuple[int, datetime], dict[Identity, Explanation]] = field(default_factory=dict)

    def prove(self, stored: Clock, run: Run, now: datetime) -> Proof | None:
        """How the record of a clock that has ended comes of the history; None when it does not.

        What came after its end may have been folded by others, which knew no such clock: then the history counts up to
        it, of several events of one instant up to the one that ended it. When agreements went, it stands where it was:
        at the event before that, or a later one.
        """
        went_at = _went_at(stored, run)
        for entries, until in self._candidates(stored, run, now):
            expected = self._expect(entries, until)
            if not record_differences(stored, expected):
                return Proof(entries=entries, ceased=False)
            if went_at is not None and not record_differences(stored, _ceased(expected, stored.identity, went_at)):
                return Proof(entries=entries, ceased=True)
        return None

    def differences(self, stored: Clock, now: datetime) -> tuple[Difference, ...]:
        """Where the record differs from what the whole history comes to."""
        return record_differences(stored, self._expect(len(self.entries), now))

    def explain(self, stored: Clock, proof: Proof, at: datetime) -> Explanation | None:
        """The clock as of an instant, by what proves its record; None when it had not begun then."""
        end = stored.stopped_at
        if not proof.ceased or end is None or at < end:
            return self._explain(proof.entries, at).get(stored.identity)
        # An event may say that it is later than the instant at which its agreements went.
        until = max(end, self.entries[proof.entries - 1].at)
        found = self._explain(proof.entries, until).get(stored.identity)
        if found is None:
            return None
        return replace(found, state=stored.state, due_at=stored.due_at, stopped_at=end, ahead=())

    def _candidates(self, stored: Clock, run: Run, now: datetime) -> Iterator[tuple[int, datetime]]:
        yield len(self.entries), now
        if stored.stopped_at is None:
            return
        last = len(known_at(self.entries, stored.stopped_at))
        before = len(known_at(self.entries, stored.stopped_at - _LEAST))
        yield from ((entries, stored.stopped_at) for entries in range(last, before, -1))
        if run.spans[-1].reason in UNAGREED:
            first = run.spans[-2:][0].version
            yield from ((entries, stored.stopped_at) for entries in range(first, len(self.entries)))

    def _expect(self, entries: int, until: datetime) -> Expected:
        found = self._expected.get((entries, until))
        if found is None:
            known = self.entries[:entries]
            found = recompute(self.incident, known, self.agreements, until, kept=self.kept)
            self._expected[entries, until] = found
        return found

    def _explain(self, entries: int, at: datetime) -> dict[Identity, Explanation]:
        found = self._explained.get((entries, at))
        if found is None:
            _, clocks = explain(self.incident, self.entries[:entries], self.agreements, at, kept=self.kept)
            found = self._explained[entries, at] = {one.run.identity: one for one in clocks}
        return found


def _ceased(expected: Expected, clock: Identity, at: datetime) -> Expected:
    """What is expected of a clock that went with its agreements at an instant."""
    gone = tuple(ceased(one, at) for one in expected.records.get(clock, ()))
    return replace(expected, records={clock: gone})


def _went_at(stored: Clock, run: Run) -> datetime | None:
    """When the clock went with its agreements, as its record and its fold have it; None when it did not."""
    last = run.spans[-1]
    is_so = last.reason in UNAGREED and (last.reason != VOID or last.start == stored.stopped_at)
    return stored.stopped_at if is_so else None
