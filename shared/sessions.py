"""Transactions that nobody will end: those of a process that was killed, and those that the network cut off.

A database keeps such a transaction, and every document in it, until its time is up (60 s by default), and all others
that want one of them are refused meanwhile. So each process writes down which database sessions it uses. Its
successor on the same machine ends them at its start; what the network cut off, the process itself ends before its
next commit. Elsewhere the database's own limit holds.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from bson import Binary
from pymongo.client_session import ClientSession
from pymongo.database import Database

SESSIONS = "sessions"
RENEWED_AFTER = timedelta(days=1)
KEPT = timedelta(days=7)
"""After this a row that nobody renews is removed: its process ran on a machine that did not come back."""
_NEVER = datetime.min.replace(tzinfo=UTC)


class Sessions:
    """The sessions in which one process commits to one database. `host` and `pid` are this process's own."""

    def __init__(self, database: Database[dict[str, Any]], *, host: str | None = None, pid: int | None = None) -> None:
        self._database = database
        self._host = host or socket.gethostname()
        self._pid = pid or os.getpid()
        self._noted: dict[UUID, datetime] = {}
        self._doubtful: set[UUID] = set()

    def note(self, session: ClientSession) -> UUID:
        """Write a session down before its first transaction, and again once a day. pymongo uses few, over and over."""
        identity, now = _identity(session), datetime.now(UTC)
        if now - self._noted.get(identity, _NEVER) > RENEWED_AFTER:
            row = {"host": self._host, "pid": self._pid, "at": now}
            self._database[SESSIONS].replace_one({"_id": str(identity)}, row, upsert=True)
            self._noted[identity] = now
        return identity

    def doubt(self, identity: UUID) -> None:
        """The connection broke inside a transaction of this session: the database may still hold it open."""
        self._doubtful.add(identity)

    def end_doubtful(self) -> None:
        """End what `doubt` named. What had been committed stays so."""
        doubtful = set(self._doubtful)
        self._end(doubtful)
        self._doubtful -= doubtful

    def end_abandoned(self) -> int:
        """End the sessions of processes of this machine that run no more; returns how many.

        One that is wrongly thought dead runs its block again (NoSuchTransaction is transient), and nothing is lost.
        """
        rows = list(self._database[SESSIONS].find({"host": self._host}))
        dead = [row["_id"] for row in rows if row["pid"] == self._pid or not _runs(row["pid"])]
        self._end([UUID(one) for one in dead])
        if dead:
            self._database[SESSIONS].delete_many({"_id": {"$in": dead}})
        return len(dead)

    def _end(self, identities: Collection[UUID]) -> None:
        if identities:
            ids = [{"id": Binary.from_uuid(one)} for one in identities]
            self._database.client.admin.command({"killSessions": ids})


def _identity(session: ClientSession) -> UUID:
    identity: Binary = session.session_id["id"]
    return identity.as_uuid()


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
