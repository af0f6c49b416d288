"""The rows that sla keeps beside its clocks: cases (the fold so far), history (as it came), due (when to look)."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from services.sla.domain.case import Case
from services.sla.domain.history import Entry
from services.sla.domain.kinds import Kind
from services.sla.domain.policy import MAIN
from services.sla.domain.run import Identity, Run, Threshold
from shared.clock import format_instant
from shared.envelope import Lane
from shared.storage import from_document, to_document
from shared.store import Document
from shared.unit_of_work import Work

CASES = "cases"
HISTORY = "history"
DUE = "due"


def clock_key(incident: str, kind: Kind, instance: int | None = None, agreement: str = MAIN) -> str:
    """The key of an incident's clock of this kind; of one that repeats, of the one that this version started.

    `INC0000001:resolution`, `INC0000001:next_reply:7`, and of a further agreement `INC0000001:resolution@premium`.
    """
    beside = "" if agreement == MAIN else f"@{agreement}"
    return f"{incident}:{kind.value}{beside}" if instance is None else f"{incident}:{kind.value}:{instance}{beside}"


def key_of(incident: str, run: Run) -> str:
    """The key of this clock of an incident."""
    return clock_key(incident, run.kind, run.instance, run.agreement)


def identity_in(row: Document) -> Identity:
    """Which clock of its incident a stored clock or run is. One of before there were agreements is the first's."""
    return row.get("agreement", MAIN), Kind(row["kind"]), row.get("instance")


def load_cases(work: Work, incidents: Collection[str]) -> dict[str, Case]:
    """The cases of these incidents, in one read; missing ones are left out."""
    return {key: from_document(Case, row) for key, row in work.load(CASES, incidents).items()}


def keep_case(work: Work, case: Case, edition: str, *, anew: bool = False) -> None:
    """Store the case, which the block has loaded, with the edition of its inputs.

    One that was folded under two editions rests on none until it is computed anew: the tick finds it by that.
    """
    kept = edition if anew or is_settled(work, case.incident, edition) else None
    more: Document = {"edition": kept, "unended": any(run.is_open for run in case.runs)}
    if case.runs:
        more["place"] = f"{format_instant(case.runs[0].spans[0].start)} {case.incident}"
    work.put(CASES, case.incident, {**to_document(case), **more})


def is_settled(work: Work, incident: str, edition: str) -> bool:
    """Whether the case, which the block has loaded, rests on this edition, as one does that is new."""
    row = work.load(CASES, [incident]).get(incident)
    return row is None or row.get("edition") == edition


def unsettle(work: Work, case: Case, edition: str) -> None:
    """Let a case rest on no edition whose due rows another one than its own has moved: that may have told something,
    or found that there is nothing to look for, which does not hold any more when the case's own comes back."""
    row = work.load(CASES, [case.incident])[case.incident]
    if row.get("edition") not in (None, edition):
        keep_case(work, case, edition)


def keep_entry(work: Work, entry: Entry) -> None:
    """Add an entry to the history, which keeps the order of nothing: the version is in the key."""
    work.append(HISTORY, history_key(entry.incident, entry.version), {**to_document(entry), "stored_at": work.now})


def history_key(incident: str, version: int) -> str:
    """The key of one version in the history."""
    return f"{incident}:{version}"


def load_entries(work: Work, keys: Iterable[str]) -> dict[str, Entry]:
    """Entries of the history by key, in one read."""
    return {key: from_document(Entry, row) for key, row in work.load(HISTORY, list(keys)).items()}


def keep_due(
    work: Work, key: str, before: Document | None, threshold: Threshold | None, priority: str, edition: str
) -> None:
    """Say when to look at a clock next, or that there is nothing to look for. `before` is the row as loaded.

    There is one row for a clock, for its next threshold: when that has acted, the row moves on to the one after.
    `edition` are the inputs by which its instant was computed.
    """
    if threshold is None:
        if before is not None:
            work.release(DUE, key)
        return
    bucket = Lane.URGENT if priority == "P1" else Lane.NORMAL
    row: Document = {"clock": key, "at": threshold.at, "threshold": threshold.name, "bucket": int(bucket)}
    row["edition"] = edition
    if before is None or any(before.get(name) != value for name, value in row.items()):
        work.put(DUE, key, row)
