"""One open unauthorised change for one service, item and version: a claim that its closing gives back."""

from __future__ import annotations

from collections.abc import Collection

from shared.unit_of_work import Work

UNAUTHORISED = "unauthorised"


def holders(work: Work, identities: Collection[str]) -> dict[str, str]:
    """The number of the unauthorised change of each identity that has one."""
    return {key: row["change"] for key, row in work.load(UNAUTHORISED, identities).items()}


def claim(work: Work, identity: str, number: str) -> None:
    """Take an identity for a change. Held by another it is a Conflict at commit, and the block looks again."""
    work.claim(UNAUTHORISED, identity, {"change": number})


def release(work: Work, identities: Collection[str], number: str) -> None:
    """Give back what a change holds of these identities."""
    for identity, holder in holders(work, identities).items():
        if holder == number:
            work.release(UNAUTHORISED, identity)
