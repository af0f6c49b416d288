"""Questions about problems. Nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.problem.domain.problem import Problem
from services.problem.handlers.commands import PREFIX
from services.problem.related import incidents_page
from shared.command import Command
from shared.storage import Repository, from_document
from shared.store import Document
from shared.unit_of_work import Work

LAST = f"{PREFIX}~"
"""Sorts after every number."""


def get(work: Work, command: Command, args: Mapping[str, Any], *, problems: Repository[Problem]) -> Document:
    """One problem's snapshot, with a page of all its incidents on request (`all_incidents`). Raises NotFound."""
    stored = problems.get(work, command.require_number())
    answer = problems.shape.snapshot(stored.key, stored.version, stored.state)
    if args.get("incidents"):
        answer["all_incidents"] = incidents_page(work, stored.key, stored.state, args.get("incidents_after"))
    return answer


def find(work: Work, _: Command, args: Mapping[str, Any], *, problems: Repository[Problem]) -> Document:
    """Snapshots by state, service and item, in order of number: `{records, next}`.

    `next` is the number to go on `after`, None on the last page. Its cost grows with the problems that match.
    """
    where = {name: args[name] for name in ("state", "service", "ci") if args.get(name)}
    limit = args["limit"]
    rows = work.store.find(
        problems.shape.collection, where, limit=limit + 1, sort="key", after=args.get("after") or PREFIX, until=LAST
    )
    page = [_snapshot(problems, row) for row in rows[:limit]]
    return {"records": page, "next": rows[limit - 1]["_id"] if len(rows) > limit else None}


def _snapshot(problems: Repository[Problem], row: Document) -> Document:
    return problems.shape.snapshot(row["_id"], row["version"], from_document(problems.shape.kind, row))
