"""What follows for an incident from what happens to its problem."""

from __future__ import annotations

from dataclasses import dataclass

from services.incident.domain.actions import Arguments
from services.incident.domain.closure import Resolve
from services.incident.domain.conversation import AuthorKind, LinkTo, Note
from services.incident.domain.lifecycle import Action
from services.incident.domain.record import Incident, LinkKind

SOLVED = "problem_resolved"
"""The resolution code of an incident that its problem resolved."""

Steps = tuple[tuple[Action, Arguments], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemChange:
    """What a problem's event says about incidents. `resolve` asks to resolve those that are unfinished."""

    incidents: tuple[str, ...] = ()
    resolve: bool = False
    text: str | None = None


def when_linked(problem: str) -> Steps:
    """The incident belongs to this problem."""
    return ((Action.LINK, LinkTo(kind=LinkKind.PROBLEM, number=problem)),)


def when_resolved(incident: Incident, problem: str, told: ProblemChange) -> Steps:
    """Its cause is gone: an unfinished incident is resolved where problem asks for it, else the desk gets a note."""
    if told.resolve:
        return ((Action.RESOLVE, Resolve(code=SOLVED, text=told.text)),) if incident.unfinished else ()
    text = told.text or f"{problem} is resolved."
    return ((Action.NOTE, Note(text=text, author_kind=AuthorKind.SYSTEM)),)
