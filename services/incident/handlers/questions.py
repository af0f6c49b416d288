"""One record, with its history and its notes where they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.incident.domain.alerts import fingerprint
from services.incident.domain.asking import Get
from services.incident.domain.record import Incident
from services.incident.handlers.claims import claim_of
from services.incident.handlers.pages import page
from services.incident.handlers.ports import Ports
from services.incident.handlers.records import NOTES, snapshot
from services.incident.handlers.references import EXTERNAL_REFS, WAITING_ACTIONS, reference, reference_key
from services.incident.handlers.related import page_of_links
from shared.clock import format_instant
from shared.command import Command
from shared.errors import Invalid, NotFound
from shared.storage import Stored
from shared.store import AUDIT, Document
from shared.unit_of_work import Work

INCIDENTS = "incidents"
MOST_UNDONE = 2_000
"""Actions that are shown as waiting or refused: as many as are kept."""
_UNDONE = ("reference", "sequence", "arrived_at", "error")


def get(work: Work, command: Command, args: Get, *, ports: Ports) -> Document:
    """One record by number, alert or reference; on request with who did what when, its notes, and all its links.

    History has beside it what its foreign desk did that is not done here: `actions_waiting` for an earlier one, and
    `actions_refused` with the error of each.
    History and notes come in pages of a bounded size, from the first on. `history_next` and `notes_next` are null on
    the last page, else what to give as `history_after` and `notes_after` for the next one.
    Private notes are left out for whoever only has the role of a requester. Raises NotFound.
    """
    stored = ports.incidents.get(work, _number(work, command, args))
    answer = snapshot(stored, ports=ports)
    if args.history:
        answer |= _history(work, stored, args.history_after)
        answer |= _undone(work, stored)
    if args.notes:
        answer |= _notes(work, stored, args.notes_after, private=command.cause.actor.roles != {"requester"})
    if args.links:
        answer["all_links"] = page_of_links(work, stored, args.links_after)
    return answer


def _number(work: Work, command: Command, args: Get) -> str:
    if command.number is not None:
        return command.number
    if args.fingerprint or args.dedup_key:
        return _of_alert(work, args.fingerprint or fingerprint(args.dedup_key or ""))
    if args.external_ref is None:
        raise Invalid("a number, an alert or a reference is needed", pointer="/number")
    return _of_reference(work, args.external_ref, args.source)


def _of_alert(work: Work, wanted: str) -> str:
    claim = claim_of(work, wanted)
    if claim is not None:
        return claim.incident
    return _latest(work, {"fingerprint": wanted})


def _of_reference(work: Work, external_ref: str, source: str | None) -> str:
    if source is None:
        return _latest(work, {"external_ref": external_ref})
    number = reference(work, reference_key(source, external_ref)).number
    if number is None:
        raise NotFound(f"{source} has not submitted {external_ref}", pointer="/args/external_ref")
    return number


def _latest(work: Work, where: Mapping[str, Any]) -> str:
    rows = work.store.find(INCIDENTS, where, limit=10_000, fields=("key",))
    if not rows:
        raise NotFound("there is no such record")
    latest: str = max(row["_id"] for row in rows)
    return latest


def _history(work: Work, stored: Stored[Incident], after: int) -> Document:
    rows, cursor = page(work, AUDIT, f"{INCIDENTS}:{stored.key}", after, stored.audits)
    history = [
        {
            "type": change["type"],
            "at": format_instant(change["at"]),
            "by": row["actor"]["id"],
            "by_kind": row["actor"]["kind"],
            "change": change["change"],
        }
        for row in rows
        for change in row["changes"]
    ]
    return {"history": history, "history_next": cursor}


def _undone(work: Work, stored: Stored[Incident]) -> Document:
    if stored.state.external_ref is None:
        return {"actions_waiting": [], "actions_refused": []}
    keys = [row["_id"] for row in work.store.find(EXTERNAL_REFS, {"number": stored.key}, fields=("key",))]
    found = work.store.find(WAITING_ACTIONS, {"reference": keys}, limit=MOST_UNDONE, fields=_UNDONE)
    rows = sorted(found, key=lambda row: row["sequence"])
    told = [
        {
            "reference": row["reference"],
            "sequence": row["sequence"],
            "arrived_at": format_instant(row["arrived_at"]),
            "error": row["error"],
        }
        for row in rows
    ]
    waiting = [{name: value for name, value in one.items() if name != "error"} for one in told if one["error"] is None]
    return {"actions_waiting": waiting, "actions_refused": [one for one in told if one["error"] is not None]}


def _notes(work: Work, stored: Stored[Incident], after: int, *, private: bool) -> Document:
    rows, cursor = page(work, NOTES, stored.key, after, stored.version)
    names = ("author", "author_kind", "visibility", "text")
    notes = [
        {"at": format_instant(row["at"]), **{name: row[name] for name in names}}
        for row in rows
        if private or row["visibility"] == "public"
    ]
    return {"notes": notes, "notes_next": cursor}
