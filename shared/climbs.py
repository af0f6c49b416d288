"""How far a message that fails has come: one row for each in its service's database, so that it goes on once.

A message goes on by a copy: up the retry ladder, at last to the dead letters. Between the broker's word that it has
the copy and ours that the original is done with, a connection may break; then both are there, and each would climb by
itself and die by itself. So a copy is made only by whoever holds the message's row, and the row says afterwards that
this attempt has gone on: whatever comes again at that height or below is a copy, and is acknowledged as one.

A message that succeeds never asks: its inbox row is what makes it single. While the broker's word and the row are
both outstanding nobody can know whether the copy is there; it is made again then, for a message may come twice and
must not be lost, and the two are one again at the next attempt.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from shared.deadletter import Trip
from shared.store import Document
from shared.unit_of_work import UnitOfWork, Work

CLIMBS = "climbs"
HOLD = timedelta(seconds=15)
"""How long a row is held at most: longer than a publisher waits for a confirm. Another process goes on after it."""
SETTLED = timedelta(seconds=5)
"""How old a letter's row must be before an empty dead queue says that an operator has taken the letter away."""
_REPLAY = 1_000_000


class Turn(Enum):
    """What is to be done with a message that has failed."""

    GO = "make its copy"
    WAIT = "another process is making its copy"
    GONE = "its copy has gone on: it is a duplicate"
    BURIED = "its letter lies among the dead, if nobody has taken it away"


@dataclass(frozen=True, slots=True, kw_only=True)
class Climb:
    """The row of one message. Heights are those of `height`; 0 is below all of them."""

    gone: int = 0
    """Up to where the broker has confirmed its copies."""
    going: int = 0
    """Where a copy is being made, by `holder`, who must be done by `until`."""
    holder: str = ""
    until: datetime | None = None
    dead: bool = False
    """Whether the last copy went to the dead letters."""
    at: datetime | None = None


def height(trip: Trip) -> int:
    """Where on its way a delivery stands. A later attempt is higher, and any attempt after a replay is higher still."""
    return trip.replays * _REPLAY + trip.attempt


def turn(climb: Climb | None, at_height: int, holder: str, now: datetime) -> Turn:
    """Whose turn it is to make a failed message's copy."""
    if climb is None:
        return Turn.GO
    if climb.gone >= at_height:
        settled = climb.dead and climb.at is not None and now - climb.at > SETTLED
        return Turn.BURIED if settled else Turn.GONE
    held = climb.going >= at_height and climb.until is not None and now < climb.until
    return Turn.WAIT if held and climb.holder != holder else Turn.GO


class Climbs:
    """The rows of one service. `holder` names this process, and no other that runs."""

    def __init__(self, unit_of_work: UnitOfWork, holder: str) -> None:
        self._unit_of_work = unit_of_work
        self._holder = holder

    def claim(self, trips: Sequence[Trip], anew: Collection[str] = ()) -> list[Turn]:
        """Whose turn each is; the rows of those that are ours are held from now on. Rows under the keys in `anew`
        count for nothing. Of copies in one call the first goes, and the others wait. Raises Unavailable, Conflict."""

        def block(work: Work) -> list[Turn]:
            rows = work.load(CLIMBS, [trip.key for trip in trips])
            turns: list[Turn] = []
            taken: set[str] = set()
            for trip in trips:
                row = rows.get(trip.key)
                climb = None if row is None or trip.key in anew else _read(row)
                whose = Turn.WAIT if trip.key in taken else turn(climb, height(trip), self._holder, work.now)
                turns.append(whose)
                if whose is Turn.GO:
                    taken.add(trip.key)
                    gone = 0 if climb is None else climb.gone
                    held = Climb(gone=gone, going=height(trip), holder=self._holder, until=work.now + HOLD)
                    _write(work, trip.key, held)
            return turns

        return self._unit_of_work.run(block)

    def went(self, trips: Sequence[tuple[Trip, bool]]) -> None:
        """The broker has these copies; the second of a pair says whether it went to the dead letters. Raises
        Unavailable, Conflict: they have gone on for all that."""

        def block(work: Work) -> None:
            rows = work.load(CLIMBS, [trip.key for trip, _ in trips])
            for trip, dead in trips:
                before = _read(rows.get(trip.key, {}))
                if height(trip) > before.gone:
                    _write(work, trip.key, Climb(gone=height(trip), going=before.going, dead=dead))

        self._unit_of_work.run(block)


def forget(unit_of_work: UnitOfWork, key: str) -> None:
    """What has this key is new from now on: its letter was discarded. Raises Unavailable, Conflict."""

    def block(work: Work) -> None:
        if work.load(CLIMBS, [key]):
            work.release(CLIMBS, key)

    unit_of_work.run(block)


def _read(row: Document) -> Climb:
    return Climb(
        gone=row.get("gone", 0),
        going=row.get("going", 0),
        holder=row.get("holder", ""),
        until=row.get("until"),
        dead=row.get("dead", False),
        at=row.get("at"),
    )


def _write(work: Work, key: str, climb: Climb) -> None:
    row = {"gone": climb.gone, "going": climb.going, "holder": climb.holder, "until": climb.until, "dead": climb.dead}
    work.put(CLIMBS, key, {**row, "at": work.now})
