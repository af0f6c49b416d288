"""Judges which calendars hold which by their unions, before any calendar is built.

The work grows with the file alone: each name is looked at once, however many ways lead to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MOST_HELD = 1000
"""Calendars that one may hold, each counted for every way that leads to it; so many are explained and compared."""
DEEPEST = 20
"""Unions within each other."""
_Step = tuple[str | int, ...]
_Below = Mapping[str, Sequence[str]]


def union_faults(calendars: Any) -> Iterator[tuple[str, _Step, str]]:
    """Members that are not there, calendars that would hold themselves or too many: calendar, place, what is wrong."""
    words: Mapping[str, Any] = calendars if isinstance(calendars, Mapping) else {}
    members = {name: tuple(_members(one)) for name, one in words.items()}
    below = {name: [member for _, member in named if member in words] for name, named in members.items()}
    order = _from_below(below)
    circles = _circles(below, order)
    too_many = _too_many(below, order)
    for name, named in members.items():
        for place, member in named:
            if member not in words:
                yield name, place, f"there is no calendar {member!r}"
            elif circles[member] == circles[name]:
                yield name, place, f"{member!r} would hold itself"
        if name in too_many:
            yield name, named[0][0], f"holds more than {MOST_HELD} calendars, or more than {DEEPEST} within each other"


def _members(words: Any) -> Iterator[tuple[_Step, str]]:
    """The names in every union of a calendar's own words, and where they stand; what is no union has none."""
    versions = words.get("versions") if isinstance(words, Mapping) else None
    listed = versions if isinstance(versions, list) else []
    parts = [((), words), *((("versions", place), one) for place, one in enumerate(listed))]
    for place, part in parts:
        named = part.get("union") if isinstance(part, Mapping) else None
        yield from ((place, one) for one in (named if isinstance(named, list) else ()) if isinstance(one, str))


def _from_below(below: _Below) -> list[str]:
    """All names, those that a name leads to ahead of it as far as there is no circle."""
    order: list[str] = []
    seen = set[str]()
    for start in below:
        ways = [] if start in seen else [(start, iter(below[start]))]
        seen.add(start)
        while ways:
            fresh = next((member for member in ways[-1][1] if member not in seen), None)
            if fresh is None:
                order.append(ways.pop()[0])
            else:
                seen.add(fresh)
                ways.append((fresh, iter(below[fresh])))
    return order


def _circles(below: _Below, order: Sequence[str]) -> dict[str, str]:
    """A name for each name: the same one for those that lead to each other, by Kosaraju's algorithm."""
    above: dict[str, list[str]] = {name: [] for name in below}
    for name, members in below.items():
        for member in members:
            above[member].append(name)
    circles: dict[str, str] = {}
    for start in reversed(order):
        ways = [start]
        while ways:
            name = ways.pop()
            if name not in circles:
                circles[name] = start
                ways.extend(above[name])
    return circles


def _too_many(below: _Below, order: Sequence[str]) -> set[str]:
    """Names that hold too many, or too deeply; not those that do so only by one of these."""
    held: dict[str, tuple[int, int]] = {}
    too_many = set[str]()
    for name in order:
        sizes = [held[member] for member in below[name] if member in held]
        count, depth = sum(size for size, _ in sizes), max((1 + deep for _, deep in sizes), default=0)
        if count > MOST_HELD or depth > DEEPEST:
            too_many.add(name)
            count, depth = 0, 0
        held[name] = 1 + count, depth
    return too_many
