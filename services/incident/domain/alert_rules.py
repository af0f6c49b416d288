"""What the desk's settings say of alerts: words for severities, clocks of others, flapping and silence."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from services.incident.domain.priority import Severity

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""No desk has older history; what says so has no time at all, such as the zero time of Go, 0001-01-01."""

_BETWEEN_LETTERS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flapping:
    """When an alert that clears and fires again counts as one trouble.

    A firing within `reopen_within` of a clearing reopens the incident that the clearing resolved. From the `times`-th
    clearing within `window` on, the incident stays open until the alert has been quiet for `settle`.
    """

    reopen_within: timedelta = timedelta(minutes=15)
    times: int = 3
    window: timedelta = timedelta(minutes=15)
    settle: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """When an alert that nobody repeats any more counts as over.

    `beside_cleared`: another source of the same fingerprint has cleared, and this one has said nothing for so long;
    None means never. `expire_after`: the same without another source, for the sources that are named.
    """

    beside_cleared: timedelta | None = timedelta(hours=5)
    expire_after: Mapping[str, timedelta] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """How far the clocks of senders are believed.

    What is dated more than `far_off` ago counts as said now. A firing that comes after a resolution and lags behind it
    by up to `late` is a late copy (`domain.episodes`); one that lags further is of a clock that was set back.
    """

    far_off: timedelta = timedelta(days=3)
    late: timedelta = timedelta(minutes=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRules:
    """The settings. `words` are in the form of `normal`."""

    words: Mapping[str, Severity] = field(default_factory=lambda: {one.value: one for one in Severity})
    default: Severity = Severity.WARNING
    flapping: Flapping = field(default_factory=Flapping)
    silence: Silence = field(default_factory=Silence)
    clocks: Clocks = field(default_factory=Clocks)

    def severity(self, word: str) -> Severity | None:
        """What a monitor's word means; None when nobody has said.

        Of more words than one the first two or the first count, behind a number: `P1 - Critical`, `4: High`.
        """
        parts = [part for part in _BETWEEN_LETTERS.split(word) if part]
        first = next((place for place, part in enumerate(parts) if not part.isdecimal()), len(parts))
        readings = (word, "".join(parts[first : first + 2]), "".join(parts[first : first + 1]))
        return next((self.words[normal(text)] for text in readings if normal(text) in self.words), None)


@lru_cache(maxsize=4096)
def normal(word: str) -> str:
    """A word without case, width, space, hyphen and underscore: `SEV-1` and `sev 1` are one, `Not classified` as well.

    Letters that are another's in a different form are that one (NFKC, Unicode UAX 15).
    """
    return _BETWEEN_LETTERS.sub("", unicodedata.normalize("NFKC", word).casefold())


def counted(said: datetime, now: datetime, rules: Clocks, *, history: bool) -> datetime:
    """When something counts as said: as its sender dates it, but now where that is ahead or far off.

    History has its own times: of it only what lies ahead counts as said now.
    """
    return now if said > now or (not history and is_far_off(said, now, rules)) else said


def is_far_off(said: datetime, now: datetime, rules: Clocks) -> bool:
    """Whether a sender's clock cannot be right, ahead or behind."""
    return said < EARLIEST or abs(now - said) > rules.far_off
