"""Leases with fencing: of N replicas one does the ticking, and one that was overtaken cannot write any more.

A lease alone is not enough: a holder that was paused wakes up and believes it still holds it. So every new holder
gets a higher token, and the commits of its work demand that the lease still carries it (`Work.fence`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.clock import Clock
from shared.errors import Conflict
from shared.store import Store, Writes

LEASES = "leases"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A lease held until `until`; `token` rises with every change of holder."""

    name: str
    token: int
    until: datetime


class Leases:
    """Takes and renews leases for one holder."""

    def __init__(self, store: Store, clock: Clock, holder: str, *, span: timedelta = timedelta(seconds=5)) -> None:
        self._store = store
        self._clock = clock
        self._holder = holder
        self._span = span
        self._held: dict[str, Lease] = {}

    def acquire(self, name: str) -> Lease | None:
        """The lease if it is free or ours, else None. Renews ours when half of it is over.

        Raises Unavailable when the store is. Clocks of replicas should agree within a second; when they do not, the
        fencing token still keeps two holders from both writing.
        """
        now = self._clock.now()
        held = self._held.get(name)
        if held is not None and now < held.until - self._span / 2:
            return held
        row = next(iter(self._store.read(LEASES, [name])), None)
        # One that ends too late was taken by a clock that has been set since; the fencing token makes taking it safe.
        if row is not None and row["holder"] != self._holder and now < row["until"] <= now + 2 * self._span:
            self._held.pop(name, None)
            return None
        return self._take(name, row, now)

    def release(self, name: str) -> None:
        """Let others have it at once; for an orderly stop."""
        if self._held.pop(name, None) is None:
            return
        row = next(iter(self._store.read(LEASES, [name])), None)
        if row is not None and row["holder"] == self._holder:
            self._write(name, row, {**row, "until": self._clock.now(), "version": row["version"] + 1})

    def _take(self, name: str, row: dict[str, object] | None, now: datetime) -> Lease | None:
        before = row or {"holder": None, "token": 0, "version": 0}
        ours = before["holder"] == self._holder
        token = int(str(before["token"])) + (0 if ours else 1)
        version = int(str(before["version"])) + 1
        lease = Lease(name=name, token=token, until=now + self._span)
        after = {"holder": self._holder, "token": token, "until": lease.until, "version": version}
        if not self._write(name, row, after):
            self._held.pop(name, None)
            return None
        self._held[name] = lease
        return lease

    def _write(self, name: str, row: dict[str, object] | None, after: dict[str, object]) -> bool:
        document = {**after, "_id": name, "key": name}
        writes = Writes()
        if row is None:
            writes.inserts[LEASES] = {name: document}
        else:
            writes.updates[LEASES] = {name: (int(str(row["version"])), document)}
        try:
            self._store.commit(writes)
        except Conflict:
            return False
        return True
