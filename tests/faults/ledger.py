"""What was sent and confirmed, what it must have led to, and how an expected set is compared with a found one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field

SOURCE = "/faults"
SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one invariant found. `expected` is how many things it looked for."""

    name: str
    expected: int
    missing: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    surplus: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return not (self.missing or self.doubled or self.surplus)

    def explain(self) -> str:
        """One line with the first few faults of each kind."""
        parts = []
        for word in ("missing", "doubled", "surplus"):
            faults: tuple[str, ...] = getattr(self, word)
            if faults:
                parts.append(f"{len(faults)} {word}: {', '.join(faults[:SHOWN])}")
        return f"{self.name}: {'; '.join(parts) or 'holds'}"


@dataclass(slots=True)
class Ledger:
    """What was sent and confirmed in all scenarios so far, and what it must have led to."""

    confirmed: dict[str, str] = field(default_factory=dict)
    """The types of the confirmed events by id."""
    sent: dict[str, str] = field(default_factory=dict)
    """The types of all events that were to be published, by id."""
    firing: set[str] = field(default_factory=set)
    tickets: dict[str, tuple[str, int]] = field(default_factory=dict)
    deployed: dict[str, int] = field(default_factory=dict)
    dead: dict[tuple[str, str], str] = field(default_factory=dict)
    """The reason under which a message must be dead, by consumer and id."""
    wanted: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    """Recipient and channel of each delivery that an event of a type calls for."""

    def confirm(self, identities: Iterable[str]) -> None:
        """Note what the broker has confirmed; poison is not counted here."""
        self.confirmed |= {one: self.sent[one] for one in identities if one in self.sent}

    def of(self, *types: str) -> set[str]:
        """The ids of confirmed events of these types that must have an effect."""
        dead = {identity for _, identity in self.dead}
        return {identity for identity, kind in self.confirmed.items() if kind in types} - dead


def compare(name: str, expected: Iterable[Hashable], found: Iterable[Hashable]) -> Verdict:
    """Expected and found as sets, and what was found more than once."""
    wanted, counted = set(expected), Counter(iter(found))
    return Verdict(
        name=name,
        expected=len(wanted),
        missing=_texts(wanted - counted.keys()),
        doubled=_texts(one for one, count in counted.items() if count > 1),
        surplus=_texts(counted.keys() - wanted),
    )


def _texts(found: Iterable[Hashable]) -> tuple[str, ...]:
    return tuple(sorted(map(str, found)))
