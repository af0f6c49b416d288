"""Foreign histories whose gap has closed and that have more to do than one transaction holds: portion by portion."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from services.incident.domain.history import Reference
from services.incident.handlers.arrivals import Refusal
from services.incident.handlers.ports import Ports
from services.incident.handlers.references import EXTERNAL_REFS, keep_reference, keep_refused, waiting_action
from services.incident.handlers.tickets import AT_ONCE, Desk, ReadTicket
from shared.errors import Rejected
from shared.lease import Lease
from shared.storage import from_document
from shared.store import Document
from shared.unit_of_work import Work

__all__ = ["AT_ONCE", "go_on", "pass_over_next"]

_FAULT = Rejected("it could not be done for a fault in Deskwire, which the log tells", slug="handler-error")


def go_on(
    work: Work, most: int, *, lease: Lease, ports: Ports, read: ReadTicket, warn: Callable[[Refusal], None]
) -> int:
    """Do up to `most` of the actions whose turn it is in one history that is behind; returns how many were done.

    `warn` is called after the commit for each that is refused. Whoever has lost the lease commits nothing.
    """
    work.fence(lease.name, lease.token)
    for row in _behind(work):
        known = from_document(Reference, row)
        refused: list[Refusal] = []
        after = Desk(work, (), ports, read, refused, most=most).caught_up(row["_id"], known)
        keep_reference(work, row["_id"], after, source=row["source"], external_ref=row["external_ref"])
        for refusal in refused:
            work.afterwards(partial(warn, refusal))
        return max(1, len(known.waiting) - len(after.waiting))
    return 0


def pass_over_next(work: Work, error: Exception, *, lease: Lease) -> str | None:
    """Refuse the next action of the first history that is behind, because it alone fails so; returns the reference."""
    work.fence(lease.name, lease.token)
    for row in _behind(work):
        known = from_document(Reference, row).past_refused()
        sequence = known.last_sequence + 1
        waiting, _ = waiting_action(work, row["_id"], sequence)
        keep_refused(work, waiting, error if isinstance(error, Rejected) else _FAULT)
        after = known.passed_over(sequence)
        keep_reference(work, row["_id"], after, source=row["source"], external_ref=row["external_ref"])
        return str(row["_id"])
    return None


def _behind(work: Work) -> list[Document]:
    return work.adopt(EXTERNAL_REFS, work.store.find(EXTERNAL_REFS, {"behind": True}, limit=1))
