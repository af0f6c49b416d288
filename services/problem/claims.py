"""At most one unsolved problem for a signature: a claim, taken and given back in the transaction of its cause."""

from __future__ import annotations

from collections.abc import Collection

from services.problem.domain.problem import UNSOLVED, Problem
from shared.errors import NotAllowed
from shared.unit_of_work import Work

OPEN_PROBLEMS = "open_problems"


def holders(work: Work, signatures: Collection[str]) -> dict[str, str]:
    """The number of the unsolved problem of each signature that has one."""
    return {key: row["problem"] for key, row in work.load(OPEN_PROBLEMS, signatures).items()}


def follow(work: Work, number: str, before: Problem | None, after: Problem) -> None:
    """Take or give back the claim as the problem enters or leaves the unsolved states.

    Raises NotAllowed (`problem-exists`) when another problem holds the signature.
    """
    if after.signature is None:
        return
    held = before is not None and before.state in UNSOLVED
    holds = after.state in UNSOLVED
    if held == holds:
        return
    holder = holders(work, [after.signature]).get(after.signature)
    if held:
        work.release(OPEN_PROBLEMS, after.signature)
    elif holder is not None:
        raise NotAllowed(f"{holder} is open for the same fingerprint and service or item", slug="problem-exists")
    else:
        work.claim(OPEN_PROBLEMS, after.signature, {"problem": number})
