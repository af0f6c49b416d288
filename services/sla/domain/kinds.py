"""The kinds of clocks: what starts each, and what stops it. A new kind is a name and a row of the table here.

ITIL 4 service level management: the time to respond and to resolve is what is agreed with the customer (SLA), a team's
spell is agreed between teams (OLA), a vendor's spell is what a contract with a supplier underpins (UC).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from services.sla.domain.history import Entry

OVER = ("resolved", "closed", "cancelled")
"""States in which nobody waits for the desk."""


class Kind(StrEnum):
    """What a clock measures."""

    RESPONSE = "response"
    RESOLUTION = "resolution"
    NEXT_REPLY = "next_reply"
    ASSIGNMENT = "assignment"
    VENDOR = "vendor"


class StopsAt(StrEnum):
    """What stops a response clock: the first acceptance, the first public reply, or whichever comes first."""

    ACCEPT = "accept"
    REPLY = "reply"
    EITHER = "either"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockKind:
    """How clocks of one kind begin and end. Each of them ends with the incident, too.

    `starts(before, entry)`: whether a clock begins with this entry; `before` is None for the first of a record.
    `stops(entry, party, stops_at)`: why a clock stops at this entry, or None; `party` is whose spell it measures.
    `repeats`: each start makes another clock that ends once and for all; otherwise a record has one. `parallel`: one
    more may start while one is open. `reopens`: the clock goes on when the incident is reopened. `waits`: the pauses
    of the policy hold for it. `required`: every policy must have a target for it.
    """

    starts: Callable[[Entry | None, Entry], bool]
    stops: Callable[[Entry, str | None, StopsAt], str | None]
    party: Callable[[Entry], str | None] = lambda _: None
    repeats: bool = False
    parallel: bool = False
    reopens: bool = False
    waits: bool = True
    required: bool = False


def _is_first(before: Entry | None, _entry: Entry) -> bool:
    return before is None


def _is_answered(entry: Entry, _party: str | None, stops_at: StopsAt) -> str | None:
    if entry.accepted and stops_at is not StopsAt.REPLY:
        return "accepted"
    if entry.replied and stops_at is not StopsAt.ACCEPT:
        return "replied"
    return None


def _asks(_before: Entry | None, entry: Entry) -> bool:
    return entry.asked and entry.state not in OVER


def _gets_team(before: Entry | None, entry: Entry) -> bool:
    if entry.team is None or entry.state in OVER:
        return False
    return before is None or before.team != entry.team or before.state in OVER


def _goes_to_vendor(before: Entry | None, entry: Entry) -> bool:
    return _is_with_vendor(entry) and not (before is not None and _is_with_vendor(before))


def _is_with_vendor(entry: Entry) -> bool:
    return entry.state == "waiting" and entry.waiting_reason == "vendor"


def _comes_back(entry: Entry, _party: str | None, _stops_at: StopsAt) -> str | None:
    """A restricted version does not tell for whom it waits: the vendor's spell goes on until it is known to be over."""
    return None if entry.state == "waiting" and entry.waiting_reason in ("vendor", None) else "back"


KINDS = {
    Kind.RESPONSE: ClockKind(starts=_is_first, stops=_is_answered, required=True),
    Kind.RESOLUTION: ClockKind(starts=_is_first, stops=lambda *_: None, reopens=True, required=True),
    Kind.NEXT_REPLY: ClockKind(
        starts=_asks, stops=lambda entry, *_: "replied" if entry.answered else None, repeats=True, parallel=True
    ),
    Kind.ASSIGNMENT: ClockKind(
        starts=_gets_team,
        stops=lambda entry, party, _: "handed-over" if entry.team != party else None,
        party=lambda entry: entry.team,
        repeats=True,
    ),
    Kind.VENDOR: ClockKind(starts=_goes_to_vendor, stops=_comes_back, repeats=True, waits=False),
}
