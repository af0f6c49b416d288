"""Editions: all inputs together, by which clocks are computed. Which of them holds, and what each of them said.

What an edition said is kept for good, so that a clock that ended by it can be computed by it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from services.sla.domain.policy import Agreements
from services.sla.domain.record import Clock
from shared.packed import pack, unpack
from shared.store import Document
from shared.unit_of_work import UnitOfWork, Work

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What an edition said. `exact` is false where the desk's rules or its time zones were others than today's:
    then today's stand in for them."""

    agreements: Agreements
    exact: bool


class Said:
    """What all editions said, that in force first and then the latest; each is read when it is first asked for."""

    def __init__(self, work: Work, agreements: Agreements) -> None:
        """`agreements` are those in force."""
        self._read = [Past(agreements=agreements, exact=True)]
        self._unread = _load(work, agreements)

    def of(self, clock: Clock) -> Past | None:
        """The latest by whose policies and calendar the clock's record may have been computed; None where none is
        kept."""
        inputs = clock.inputs
        if inputs is None:
            return None
        return next((one for one in self._known() if one.agreements.of(clock.agreement).had(inputs)), None)

    def _known(self) -> Iterator[Past]:
        yield from self._read
        for one in self._unread:
            self._read.append(one)
            yield one


def _load(work: Work, in_force: Agreements) -> Iterator[Past]:
    earlier = (one["_id"] for one in reversed(editions(work)) if one["_id"] != in_force.edition)
    for edition in earlier:
        for row in work.store.read(AGREED, [edition]):
            yield _past(edition, row["said"], in_force.zones)


@lru_cache(maxsize=32)
def _past(edition: str, said: bytes, zones: str) -> Past:
    agreements = unpack(Agreements, said)
    exact = agreements.edition == edition and agreements.zones == zones
    further = tuple(replace(one, zones=zones) for one in agreements.further)
    return Past(agreements=replace(agreements, zones=zones, further=further), exact=exact)


def _announce(work: Work, agreements: Agreements) -> None:
    if agreements.edition not in work.load(AGREED, [agreements.edition]):
        work.append(AGREED, agreements.edition, {"said": pack(agreements)})
    known = editions(work)
    if known and known[-1]["_id"] == agreements.edition:
        return
    number = known[-1]["number"] + 1 if known else 1
    work.put(EDITIONS, agreements.edition, {"number": number, "zones": agreements.zones, "since": work.now})
