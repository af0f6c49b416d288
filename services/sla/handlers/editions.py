"""Editions: all inputs together, by which clocks are computed. Which of them holds, and what each of them said.

What an edition said is kept for good, so that a clock that ended by it can be computed by it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from services.sla.domain import policy
from services.sla.domain.case import Case
from services.sla.domain.history import Entry
from services.sla.domain.policy import Agreements
from services.sla.domain.proof import Then
from services.sla.domain.record import Clock
from shared import logs
from shared.errors import Invalid
from shared.packed import pack, unpack
from shared.store import Document
from shared.unit_of_work import UnitOfWork, Work

_log = logs.get(__name__)
EDITIONS = "editions"
AGREED = "agreed"
_MOST = 1_000
"""Editions that are looked for; a desk changes its agreements far less often."""


def announce(unit_of_work: UnitOfWork, agreements: Agreements) -> None:
    """Make the edition of this process the one that holds: the last to start decides."""
    unit_of_work.run(lambda work: _announce(work, agreements))


def editions(work: Work) -> list[Document]:
    """All editions, the one that holds last."""
    found = work.store.find(EDITIONS, {}, sort="number", after=0, until=2**31, limit=_MOST)
    return work.adopt(EDITIONS, found)


def is_in_force(work: Work, edition: str) -> bool:
    """Whether this edition is the one that was announced last."""
    known = editions(work)
    return bool(known) and known[-1]["_id"] == edition


class Editions:
    """An incident by what each edition said, folded when it is first asked for."""

    def __init__(self, work: Work, case: Case, entries: Sequence[Entry], agreements: Agreements) -> None:
        """`entries` are all that the case has folded, `agreements` those in force."""
        self._work, self._case, self._entries, self._agreements = work, case, entries, agreements
        self._found = dict[str, Then | None]()

    @property
    def in_force(self) -> str:
        """The edition in force."""
        return self._agreements.edition

    def of(self, clock: Clock) -> Then | None:
        """The incident by the edition of the clock's record; None where what that said is not kept."""
        edition = clock.edition
        if edition is None:
            return None
        if edition not in self._found:
            self._found[edition] = self._fold(edition)
        return self._found[edition]

    def _fold(self, edition: str) -> Then | None:
        agreements, exact, case = self._agreements, True, self._case
        if edition != agreements.edition:
            found = self._work.store.read(AGREED, [edition])
            past = _read(edition, found[0]["said"]) if found else None
            if past is None:
                return None
            exact = (past.zones, found[0]["rules"]) == (agreements.zones, policy.RULES)
            agreements = _in_zones(past, agreements.zones)
        return Then(incident=case.incident, entries=self._entries, agreements=agreements, kept=case.kept, exact=exact)


@lru_cache(maxsize=32)
def _read(edition: str, said: bytes) -> Agreements | None:
    try:
        return unpack(Agreements, said)
    except Invalid as fault:
        _log.error("what an edition said cannot be read", edition=edition, fault=str(fault))
        return None


def _in_zones(agreements: Agreements, zones: str) -> Agreements:
    """The same, to be computed with these zones; itself where it has them, with all that it has found out so far."""
    if agreements.zones == zones:
        return agreements
    return replace(agreements, zones=zones, further=tuple(_in_zones(one, zones) for one in agreements.further))


def _announce(work: Work, agreements: Agreements) -> None:
    if agreements.edition not in work.load(AGREED, [agreements.edition]):
        work.append(AGREED, agreements.edition, {"said": pack(agreements), "rules": policy.RULES})
    known = editions(work)
    if known and known[-1]["_id"] == agreements.edition:
        return
    number = known[-1]["number"] + 1 if known else 1
    work.put(EDITIONS, agreements.edition, {"number": number, "zones": agreements.zones, "since": work.now})
