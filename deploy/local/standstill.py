"""When the embedded database is started again because it stands still, and when that is given up. Pure.

Its process runs and answers, but nothing is committed any more. The services see it and say so on their ops ports; a
restart helps unless the same is written again, so it is tried three times, and then a person must look.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

MOST_RESTARTS = 3
FORGIVEN_AFTER = 60 * 60.0
"""Seconds after which a restart counts no more."""
GRACE_SECONDS = 90.0
"""After a start it is left alone for so long: it reads its log, and services wait up to 20 s for an old answer."""
CHECK = "commits"
"""The check of `/readyz` by which a service tells it; the relay has one for each service, with its name before it."""


class Verdict(StrEnum):
    """What to do."""

    NOTHING = "nothing"
    RESTART = "restart"
    GIVE_UP = "give up"


@dataclass(slots=True, kw_only=True)
class Standstill:
    """What is known of one database. Instants are seconds of a monotonic clock.

    `said` is what the processes said last, one after the other.
    """

    started_at: float
    grace: float = GRACE_SECONDS
    restarts: list[float] = field(default_factory=list)
    said: str = ""

    def look(self, now: float, faults: Mapping[str, Mapping[str, str]]) -> Verdict:
        """Judge by what each process says of itself. A restart that is asked for is taken for done at `now`."""
        said = [
            f"{process}: {text}"
            for process, checks in faults.items()
            for check, text in checks.items()
            if check == CHECK or check.endswith(f" {CHECK}")
        ]
        if not said or now - self.started_at < self.grace:
            return Verdict.NOTHING
        self.said = "; ".join(said)
        self.restarts = [at for at in self.restarts if now - at < FORGIVEN_AFTER]
        if len(self.restarts) >= MOST_RESTARTS:
            return Verdict.GIVE_UP
        self.restarts.append(now)
        self.started_at = now
        return Verdict.RESTART
