"""Gaps in the histories of foreign desks that stay open: told to people, counted for operators."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from services.incident.domain.conversation import AuthorKind, Note
from services.incident.domain.flapping import text
from services.incident.domain.history import Reference
from services.incident.domain.lifecycle import Action
from services.incident.handlers.ports import Ports
from services.incident.handlers.records import change
from services.incident.handlers.references import EXTERNAL_REFS
from shared.cause import Cause, service_actor
from shared.lease import Lease
from shared.storage import from_document, to_document
from shared.store import Document
from shared.unit_of_work import Work

ACTOR = service_actor("incident")
AT_ONCE = 50
_FLOOR = datetime(1990, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """An action that has not come, and how many wait for it. `number` is the record's, where there is one."""

    reference: str
    sequence: int
    waiting: int
    number: str | None


def tell(work: Work, most: int, *, lease: Lease, ports: Ports) -> list[Gap]:
    """Tell gaps that are older than the settings say, once, at most `most`. Whoever has lost the lease commits
    nothing."""
    work.fence(lease.name, lease.token)
    return tell_overdue(work, most, ports=ports)


def tell_overdue(work: Work, most: int = AT_ONCE, *, ports: Ports) -> list[Gap]:
    """The same without a lease."""
    rows = _overdue(work, most, ports)
    ports.incidents.get_many(work, sorted({row["number"] for row in rows if row["number"] is not None}))
    return [_tell_one(work, row, ports) for row in rows]


def postpone(work: Work, _error: Exception, *, lease: Lease, ports: Ports) -> str | None:
    """Tell the first of the gaps that are overdue later, so that it holds up no other; returns its reference."""
    work.fence(lease.name, lease.token)
    for row in _overdue(work, 1, ports):
        work.put(EXTERNAL_REFS, row["_id"], {**row, "overdue_from": work.now})
        return str(row["_id"])
    return None


def _overdue(work: Work, most: int, ports: Ports) -> list[Document]:
    until = work.now - ports.gap_after
    found = work.store.find(EXTERNAL_REFS, {}, sort="overdue_from", after=_FLOOR, until=until, limit=most)
    return work.adopt(EXTERNAL_REFS, found)


def count_open(work: Work) -> int:
    """References with a gap that was told and is open still."""
    return work.store.count(EXTERNAL_REFS, {"gap_told": True})


def _tell_one(work: Work, row: Document, ports: Ports) -> Gap:
    known = from_document(Reference, row)
    gap = Gap(reference=row["_id"], sequence=known.missing, waiting=len(known.waiting), number=known.number)
    work.put(EXTERNAL_REFS, row["_id"], {**row, **to_document(replace(known, gap_told=True)), "overdue_from": None})
    if known.number is None:
        return gap
    words = (
        f"Action {gap.sequence} of {row['external_ref']} at {row['source']} has not come for {text(ports.gap_after)}; "
        f"{gap.waiting} that came after it wait, from action {known.waiting[0]} on."
    )
    stored = ports.incidents.get(work, known.number)
    cause = Cause(actor=ACTOR, correlationid=work.ids.new())
    at = max(work.now, stored.state.updated_at)
    change(work, stored, ((Action.NOTE, Note(text=words, author_kind=AuthorKind.SYSTEM)),), at, cause, ports=ports)
    return gap
