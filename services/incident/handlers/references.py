"""Foreign references as they are kept, and the actions that wait for their turn.

An action that is refused at its turn stays among them with its reason. Every change of what waits also writes the
reference, so that an action that is put by and the one that closes its gap cannot pass each other unseen.
"""

from __future__ import annotations

from collections.abc import Iterable

from services.incident.domain.history import Reference
from shared.envelope import Envelope, decode, encode
from shared.errors import Rejected
from shared.ids import joined
from shared.storage import from_document, to_document
from shared.store import Document
from shared.unit_of_work import Work

EXTERNAL_REFS = "external_refs"
WAITING_ACTIONS = "waiting_actions"


def reference_key(source: str, external_ref: str) -> str:
    """A reference is unique within its sender."""
    return joined(source, external_ref)


def read_references(work: Work, keys: Iterable[str]) -> dict[str, Reference]:
    """The references that are known, in one read."""
    rows = work.load(EXTERNAL_REFS, sorted(set(keys)))
    return {key: from_document(Reference, row) for key, row in rows.items()}


def reference(work: Work, key: str) -> Reference:
    """A reference; one that nobody has submitted has no number."""
    return read_references(work, [key]).get(key, Reference())


def keep_reference(work: Work, key: str, kept: Reference, *, source: str, external_ref: str) -> None:
    """Write a reference."""
    overdue_from = None if kept.gap_told or kept.behind else kept.gap_since
    row = {**to_document(kept), "source": source, "external_ref": external_ref, "overdue_from": overdue_from}
    work.put(EXTERNAL_REFS, key, row)


def row_key(key: str, sequence: int) -> str:
    """The key of a waiting action."""
    return joined(key, str(sequence))


def put_by(work: Work, key: str, sequence: int, envelope: Envelope) -> None:
    """Keep an action until its turn comes."""
    row = {
        "reference": key,
        "sequence": sequence,
        "arrived_at": work.now,
        "sender": envelope.sender,
        "body": encode(envelope),
        "error": None,
    }
    row_at = row_key(key, sequence)
    work.load(WAITING_ACTIONS, [row_at])
    work.put(WAITING_ACTIONS, row_at, row)


def waiting_action(work: Work, key: str, sequence: int) -> tuple[Document, Envelope]:
    """An action that waits, with the message that brought it."""
    row_at = row_key(key, sequence)
    row = work.load(WAITING_ACTIONS, [row_at])[row_at]
    return row, decode(row["body"], sender=row["sender"], max_bytes=len(row["body"]))


def keep_refused(work: Work, row: Document, error: Rejected) -> None:
    """Keep a waiting action that could not be done, with the reason, until its sequence comes again and can be done."""
    work.put(WAITING_ACTIONS, row["_id"], {**row, "error": error.as_dict()})


def forget(work: Work, key: str, sequence: int) -> None:
    """Remove a refused action, where one is kept: it may have become a dead letter instead."""
    row_at = row_key(key, sequence)
    work.load(WAITING_ACTIONS, [row_at])
    work.release(WAITING_ACTIONS, row_at)


def advance(work: Work, key: str, before: Reference, sequence: int) -> Reference:
    """The reference with `sequence` done; waiting actions up to it are removed."""
    passed = [row_key(key, number) for number in before.waiting if number <= sequence]
    for row_at in work.load(WAITING_ACTIONS, passed):
        work.release(WAITING_ACTIONS, row_at)
    return before.applied(sequence)
