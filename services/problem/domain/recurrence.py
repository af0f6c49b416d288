"""When incidents recur: the same fingerprint on the same service or item, several times within a window.

All of it looks at a set of incidents and never at the order in which they came to be known, so shuffled and repeated
events lead to the same problems.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate

from services.problem.domain.problem import PRIORITIES
from shared.keys import separated

CANCELLED = "cancelled"
"""The state of an incident that was none; it does not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Incidents recur when `count` of them opened within `window` (first and last are at most that far apart)."""

    window: timedelta
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """What is kept of an incident. `seen` is the version of the snapshot that was read; `problem` is its problem.

    `backfill` is true while all that is known of it was brought over from another desk's history.
    """

    number: str
    seen: int
    signature: str
    service: str | None
    ci: str | None
    fingerprint: str
    title: str
    priority: str
    state: str
    opened_at: datetime
    backfill: bool
    problem: str | None = None


def signature_of(fingerprint: str | None, service: str | None, ci: str | None) -> str | None:
    """What recurring incidents have in common; None where an incident has too little to recur.

    The service counts where one is named, else the configuration item.
    """
    kind, subject = ("service", service) if service else ("ci", ci)
    if not fingerprint or not subject:
        return None
    return hashlib.sha256(separated(kind, subject, fingerprint).encode()).hexdigest()[:32]


def countable(members: Iterable[Member]) -> tuple[Member, ...]:
    """The members that count, in order of opening."""
    counted = (member for member in members if member.state != CANCELLED)
    return tuple(sorted(counted, key=lambda member: (member.opened_at, member.number)))


def recurs(members: Iterable[Member], rule: Rule) -> bool:
    """Whether any window of the rule's length holds enough incidents of one signature, a live one among them.

    History brought over counts, but on its own it proposes nothing.
    """
    counted = countable(members)
    opened = [member.opened_at for member in counted]
    live = [0, *accumulate(not member.backfill for member in counted)]
    for start, at in enumerate(opened):
        end = bisect_right(opened, at + rule.window)
        if end - start >= rule.count and live[end] > live[start]:
            return True
    return False


def bygone(members: Iterable[Member], rule: Rule, kept: int, most: int = 50) -> tuple[Member, ...]:
    """Of members that do not recur, those that lie more than a window before the latest one, the oldest first.

    What comes late may still recur with some of these, so as many as `kept` members stay in all. No more than `most`
    are given at a time.
    """
    opened = sorted(members, key=lambda member: (member.opened_at, member.number))
    surplus = opened[: max(0, min(len(opened) - kept, most))]
    return tuple(member for member in surplus if member.opened_at < opened[-1].opened_at - rule.window)


def most_urgent(priorities: Iterable[str]) -> str:
    """The most urgent of some priorities; unknown ones are the least urgent."""
    known = [priority for priority in priorities if priority in PRIORITIES]
    return min(known, default=PRIORITIES[-1])
