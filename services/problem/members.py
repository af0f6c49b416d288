"""What the service remembers of incidents: a row for each that can recur, and a guard for each signature.

Two replicas that take two incidents of one signature at the same moment would each see one too few. So whoever adds
a member also writes the signature's guard: one of the two commits fails, and its block sees the other's member.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from services.problem.domain.recurrence import Member
from shared.storage import from_document, to_document
from shared.store import Document
from shared.unit_of_work import Work

MEMBERS = "members"
SIGNATURES = "signatures"
FREE_READ = 10_000
"""Free members read for one batch. Those beyond it join with a later event of their signature."""
JOINED_AT_ONCE = 200
"""Members of one signature that join in one transaction. The others join with a later event of their signature."""
FREE_KEPT = 50
"""Free members of one signature that are kept although no later incident of today's can recur with them."""


def remember(work: Work, seen: Iterable[Member]) -> list[Member]:
    """Keep what is newer than what is known, and return the members as they are known now.

    Older snapshots change nothing, because every snapshot is complete. A member keeps its problem.
    """
    members = list(seen)
    # The guards are read before any member is: a member that another writer adds later moves a guard read here.
    guards = work.load(SIGNATURES, {member.signature for member in members})
    known = work.load(MEMBERS, [member.number for member in members])
    for member in members:
        before = known.get(member.number)
        if before is not None and before["seen"] >= member.seen:
            continue
        keep(work, replace(member, problem=before["problem"] if before else None))
        if before is None or before["signature"] != member.signature:
            _guard(work, member.signature, guards)
    rows = work.load(MEMBERS, [member.number for member in members])
    return [from_document(Member, row) for row in rows.values()]


def _guard(work: Work, signature: str, guards: dict[str, Document]) -> None:
    count = guards.get(signature, {"members": 0})["members"] + 1
    guards[signature] = work.put(SIGNATURES, signature, {"members": count})


def free(work: Work, signatures: Collection[str]) -> dict[str, list[Member]]:
    """The members of these signatures that belong to no problem yet, as the block sees them."""
    found = work.store.find(MEMBERS, {"free": sorted(signatures)}, limit=FREE_READ)
    rows = {row["_id"]: row for row in work.adopt(MEMBERS, found)}
    # What this block has added or changed is in no query yet.
    for written in (work.writes.inserts, work.writes.updates):
        rows.update(work.load(MEMBERS, list(written.get(MEMBERS, ()))))
    by_signature: dict[str, list[Member]] = {signature: [] for signature in signatures}
    for row in rows.values():
        if row["free"] and row["signature"] in by_signature:
            by_signature[row["signature"]].append(from_document(Member, row))
    return by_signature


def assign(work: Work, members: Iterable[Member], problem: str) -> None:
    """Note to which problem these members belong."""
    for member in members:
        keep(work, replace(member, problem=problem))


def forget(work: Work, members: Iterable[Member]) -> None:
    """Let these recur no more. They are remembered, and a person may link them all the same."""
    for member in members:
        work.put(MEMBERS, member.number, {**to_document(member), "free": None})


def assign_if_free(work: Work, number: str, problem: str) -> None:
    """Note that a person linked an incident; one that is not remembered, or has a problem, stays as it is."""
    row = work.load(MEMBERS, [number]).get(number)
    if row is not None and row["free"]:
        assign(work, [from_document(Member, row)], problem)


def keep(work: Work, member: Member) -> None:
    """Write one member; `free` holds its signature while it belongs to no problem, so that one index finds those."""
    free_as = member.signature if member.problem is None else None
    work.put(MEMBERS, member.number, {**to_document(member), "free": free_as})
