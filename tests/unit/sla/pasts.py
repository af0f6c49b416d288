"""Generated pasts: many records, always the same for a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from services.sla.domain.history import Entry
from services.sla.domain.policy import PRIORITIES
from tests.unit.sla.factories import MONDAY, make_entry

_MIDDLE = ("assigned", "in_progress", "waiting", "in_progress", "in_progress", "waiting", "in_progress", "in_progress")
_MINUTES = 120 * 24 * 60
_STEP = 36 * 60 * 60


def make_pasts(records: int, seed: int = 1, steps: tuple[int, int] = (3, 7)) -> Iterator[list[Entry]]:
    """The histories of this many records that were opened within 120 days, resolved and closed.

    Between those three events each has as many others as `steps` allows, at most 16.
    """
    chance = random.Random(seed)
    for number in range(records):
        at = MONDAY + timedelta(minutes=chance.randrange(_MINUTES))
        yield list(_life(f"INC{number:07d}", at, chance, steps))


def _life(incident: str, at: datetime, chance: random.Random, steps: tuple[int, int]) -> Iterator[Entry]:
    states = ("new", *(2 * _MIDDLE)[: chance.randint(*steps)], "resolved", "closed")
    priority, team, accepted = chance.choice(PRIORITIES), f"team{chance.randrange(20)}", False
    for version, state in enumerate(states, start=1):
        accepted = accepted or state == "in_progress"
        if version == 4 and chance.random() < 0.2:
            priority = chance.choice(PRIORITIES)
        yield make_entry(
            version,
            at,
            incident=incident,
            state=state,
            priority=priority,
            accepted=accepted,
            waiting_reason=chance.choice(("user", "vendor", "customer")) if state == "waiting" else None,
            service="mail",
            team=team,
            level=1 + version // 4,
            organisation=f"org{chance.randrange(30)}",
        )
        at += timedelta(seconds=chance.randrange(60, _STEP))
