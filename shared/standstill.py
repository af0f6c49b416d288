"""Whether the database still commits: what was asked of it, since when nothing has succeeded, how much to ask now.

A database that stands still takes requests and answers none, or fails each; no message is at fault, so everybody
waits, and nobody would be told. And what it stood still of comes again with the next attempt. So a process notes since
when it has asked in vain, tells it after a minute, and asks for half as much from then on, until commits succeed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STANDSTILL_SECONDS = 60.0
"""So long without a commit is told: longer than any request waits for its answer, and than a restart takes."""
QUIET_SECONDS = 45.0
"""After this nobody is asking any more, and what was asked in vain says nothing of now."""
RECOVERED_AFTER = 50
"""Commits in a row after which twice as much is asked again."""
TOLD = 3
"""How many of the commits that were asked in vain are told, the first ones: one of them may be the cause."""
SMALLEST_SHARE = 64
"""Batches are never cut into more parts than this."""


class Commits:
    """The commits of one process to one database. Safe to use from several threads: what it notes is told, not counted.

    `share` is into how many parts a batch is cut now, a power of two; 1 in a database that is well.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._open = 0
        self._since: float | None = None
        self._failed_at = 0.0
        self._halved_at = 0.0
        self._well = 0
        self._asked: list[str] = []
        self.share = 1

    @contextmanager
    def asking(self, asked: str, is_answer: Callable[[Exception], bool]) -> Iterator[None]:
        """Around one commit; `is_answer` tells of an error whether the database works all the same."""
        self._begin(self._monotonic())
        self._open += 1
        if asked and asked not in self._asked and len(self._asked) < TOLD:
            self._asked.append(asked)
        try:
            yield
        except Exception as error:
            if is_answer(error):
                self._since = None
            else:
                self.failed()
            raise
        else:
            self._succeed()
        finally:
            self._open -= 1

    def failed(self) -> None:
        """Something was asked in vain."""
        now = self._monotonic()
        since = self._begin(now)
        self._failed_at, self._well = now, 0
        if now - max(since, self._halved_at) >= STANDSTILL_SECONDS:
            self.share, self._halved_at = min(self.share * 2, SMALLEST_SHARE), now

    def _begin(self, now: float) -> float:
        """Since when something is asked in vain, from now on where nothing was."""
        if self._since is None or self._is_quiet(now):
            self._since, self._asked = now, []
        return self._since

    def _is_quiet(self, now: float) -> bool:
        return not self._open and now - self._failed_at > QUIET_SECONDS

    def _succeed(self) -> None:
        self._since = None
        self._well += 1
        if self.share > 1 and self._well >= RECOVERED_AFTER:
            self.share, self._well = self.share // 2, 0

    @property
    def seconds(self) -> float:
        """For how long no commit has succeeded although some were asked; 0 when all is well or nobody asks."""
        now = self._monotonic()
        if self._since is None or self._is_quiet(now):
            return 0.0
        return now - self._since

    def fault(self) -> str | None:
        """A sentence when the database stands still, with what was to be written; else None."""
        seconds = self.seconds
        if seconds < STANDSTILL_SECONDS:
            return None
        asked = "; ".join(self._asked) or "nothing of note"
        return f"no commit has succeeded for {seconds:.0f} s; asked since was to write {asked}"
