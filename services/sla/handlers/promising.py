"""Tells requesters what to expect, in the transaction of the clocks that promise it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from services.sla.domain.case import Case
from services.sla.domain.history import Entry
from services.sla.domain.policy import Agreements
from services.sla.domain.promise_moves import Promise, move, remake
from services.sla.handlers.telling import cause_of, in_plain_values
from shared.event import Event
from shared.storage import Repository, Stored
from shared.unit_of_work import Work


def promise_key(incident: str) -> str:
    """The key of what an incident's requester was told."""
    return f"{incident}:expected"


@dataclass(slots=True, kw_only=True)
class Promises:
    """The promises of a batch: read once for the incidents that somebody asked for, none for those of monitors."""

    work: Work
    repository: Repository[Promise]
    agreements: Agreements
    stored: dict[str, Stored[Promise]]
    _heard: dict[str, Promise] = field(default_factory=dict)
    _moves: list[tuple[Promise, Event, Entry]] = field(default_factory=list)

    def note(self, before: Case, after: Case) -> None:
        """Look at what an entry did to the promise; what is to be told waits for `tell`."""
        key = promise_key(after.incident)
        stored = self.stored.get(key)
        told = self._heard.get(key, None if stored is None else stored.state)
        moved = move(told, before, after, self.agreements)
        if moved is not None and after.latest is not None:
            self._heard[key] = moved[0]
            self._moves.append((*moved, after.latest))

    def renew(self, after: Case, because: str) -> None:
        """Look at what other inputs did to a promise that was told; `because` says which changed."""
        key = promise_key(after.incident)
        stored = self.stored.get(key)
        moved = None if stored is None else remake(stored.state, after, self.agreements, self.work.now, because)
        if moved is not None and after.latest is not None:
            self._moves.append((*moved, after.latest))

    def tell(self) -> None:
        """Save what was noted, each with its event."""
        for promise, event, entry in self._moves:
            key, cause = promise_key(promise.incident), cause_of(entry, False)
            told = (in_plain_values(event, {}),)
            self.stored[key] = self.repository.save(self.work, self.stored.get(key), promise, told, cause, key=key)
        self._moves.clear()


def load_promises(
    work: Work, repository: Repository[Promise], agreements: Agreements, entries: Iterable[Entry]
) -> Promises:
    """The promises that these entries may move, in one read; in none when nobody asked for these incidents."""
    keys = {promise_key(entry.incident) for entry in entries if entry.requester is not None and not entry.backfill}
    stored = repository.get_many(work, sorted(keys)) if keys else {}
    return Promises(work=work, repository=repository, agreements=agreements, stored=stored)
