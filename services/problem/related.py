"""All that is linked to a problem, kept apart from it: incidents, changes and other problems, a row each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from services.problem.domain.problem import INCIDENTS_TOLD, Link, LinkKind, Problem
from shared.apart import Apart
from shared.store import Document
from shared.unit_of_work import Work

LINKS = "links"
_LINKS = Apart(LINKS)


def unlinked(work: Work, problem: str, incidents: Iterable[str]) -> list[str]:
    """Those of the incidents that are not kept as the problem's, each once; one read."""
    entries = [(LinkKind.INCIDENT.value, number) for number in incidents]
    return [number for _, number in _LINKS.missing(work, problem, entries)]


def is_linked(work: Work, problem: str, to: Link) -> bool:
    """Whether this link is kept as the problem's."""
    return _LINKS.has(work, problem, to.kind.value, to.number)


def keep(work: Work, problem: str, before: Problem | None, added: Sequence[Link]) -> None:
    """Keep what was linked, and with it what was there before links were kept apart. `added` are not kept yet."""
    older = () if before is None else _older(work, problem, before)
    for link in dict.fromkeys((*older, *added)):
        _LINKS.add(work, problem, link.kind.value, link.number, kind=link.kind.value, number=link.number)


def incidents_page(work: Work, problem: str, shown: Problem, after: str | None = None) -> Document:
    """A page of the problem's incidents in order of number: `{incidents, next}`, by which to go on."""
    if len(shown.incidents) == shown.incident_count:
        return {"incidents": sorted(shown.incidents), "next": None}
    rows, cursor = _LINKS.page(work, problem, after, INCIDENTS_TOLD, within=LinkKind.INCIDENT.value)
    return {"incidents": [row["number"] for row in rows], "next": cursor}


def _older(work: Work, problem: str, before: Problem) -> list[Link]:
    incidents = [Link(kind=LinkKind.INCIDENT, number=number) for number in before.incidents]
    listed = [*incidents[-1:], *before.links[-1:]]
    if all(is_linked(work, problem, link) for link in listed):
        return []
    there = {(link.kind.value, link.number): link for link in (*incidents, *before.links)}
    return [there[entry[0], entry[1]] for entry in _LINKS.missing(work, problem, there)]
