"""Questions about changes. Nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.change.domain.change import Change
from services.change.handlers.commands import PREFIX
from services.change.related import deployments_page
from shared.command import Command
from shared.storage import Repository, from_document
from shared.store import Document
from shared.unit_of_work import Work

LAST = f"{PREFIX}~"
"""Sorts after every number."""


def get(work: Work, command: Command, args: Mapping[str, Any], *, changes: Repository[Change]) -> Document:
    """One change's snapshot, with a page of all its deployments on request (`all_deployments`). Raises NotFound."""
    stored = changes.get(work, command.require_number())
    answer = changes.shape.snapshot(stored.key, stored.version, stored.state)
    if args.get("deployments"):
        answer["all_deployments"] = deployments_page(work, stored.key, stored.state, args.get("deployments_after"))
    return answer


def find(work: Work, _: Command, args: Mapping[str, Any], *, changes: Repository[Change]) -> Document:
    """Snapshots by state, service and item, in order of number: `{records, next}`.

    `next` is the number to go on `after`, None on the last page. Its cost grows with the changes that match.
    """
    where = {name: args[name] for name in ("state", "service", "ci") if args.get(name)}
    limit = args["limit"]
    rows = work.store.find(
        changes.shape.collection, where, limit=limit + 1, sort="key", after=args.get("after") or PREFIX, until=LAST
    )
    page = [_snapshot(changes, row) for row in rows[:limit]]
    return {"records": page, "next": rows[limit - 1]["_id"] if len(rows) > limit else None}


def _snapshot(changes: Repository[Change], row: Document) -> Document:
    return changes.shape.snapshot(row["_id"], row["version"], from_document(changes.shape.kind, row))
