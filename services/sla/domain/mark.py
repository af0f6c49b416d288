"""A threshold as it was agreed: a point of a clock's target, before it, at it or after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from services.sla.domain.actions import Action

TARGET_PERCENT = 100
_HOUR, _MINUTE = 3600, 60


class Side(StrEnum):
    """On which side of the target a threshold lies."""

    BEFORE = "before"
    TARGET = "target"
    AFTER = "after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A part of the target in percent, or the target moved by `offset_seconds` of open time (negative is before it).

    One of the two says where it lies: with an offset the percent is 100.
    """

    percent: int = TARGET_PERCENT
    offset_seconds: int = 0
    actions: tuple[Action, ...] = ()

    @property
    def name(self) -> str:
        """`75%`, `-30m` or `+2h`: the same point of the target has the same name in every policy."""
        if not self.offset_seconds:
            return f"{self.percent}%"
        return ("-" if self.offset_seconds < 0 else "+") + _words(abs(self.offset_seconds))

    @property
    def side(self) -> Side:
        """On which side of the target it lies."""
        distance = self.offset_seconds or self.percent - TARGET_PERCENT
        if distance == 0:
            return Side.TARGET
        return Side.BEFORE if distance < 0 else Side.AFTER

    def amount(self, target: timedelta) -> timedelta:
        """How much open time has gone when it is reached."""
        return target * self.percent / TARGET_PERCENT + timedelta(seconds=self.offset_seconds)


TARGET = Mark()
"""The threshold at which the whole target has gone: past it a clock is breached."""


def _words(seconds: int) -> str:
    parts = ((seconds // _HOUR, "h"), (seconds % _HOUR // _MINUTE, "m"), (seconds % _MINUTE, "s"))
    return "".join(f"{amount}{unit}" for amount, unit in parts if amount)
