"""All deployments and links of a change, kept apart from it; the change itself holds the latest of each."""

from __future__ import annotations

from services.change.domain.change import Change, Deployment, Link
from shared.apart import Apart
from shared.clock import format_instant
from shared.storage import to_document
from shared.store import Document
from shared.unit_of_work import Work

DEPLOYMENTS = "deployments"
LINKS = "links"
_DEPLOYMENTS = Apart(DEPLOYMENTS)
_LINKS = Apart(LINKS)


def is_recorded(work: Work, change: str, deployment: Deployment) -> bool:
    """Whether this deployment is kept as the change's."""
    return _DEPLOYMENTS.has(work, change, deployment.source, deployment.id)


def is_linked(work: Work, change: str, to: Link) -> bool:
    """Whether this link is kept as the change's."""
    return _LINKS.has(work, change, to.kind.value, to.number)


def keep_deployment(work: Work, change: str, before: Change | None, deployment: Deployment) -> None:
    """Keep a deployment, and with it those that were there before they were kept apart."""
    there = () if before is None else before.deployments
    for one in (*_unkept(work, change, there), deployment):
        _DEPLOYMENTS.add(work, change, one.source, one.id, deployment=to_document(one))


def keep_link(work: Work, change: str, before: Change, to: Link) -> None:
    """Keep a link, and with it those that were there before they were kept apart."""
    older = before.links if before.links_total == 0 else ()
    for link in (*older, to):
        _LINKS.add(work, change, link.kind.value, link.number, kind=link.kind.value, number=link.number)


def deployments_page(work: Work, number: str, change: Change, after: str | None) -> Document:
    """A page of the deployments in order of source and id: `{deployments, next}`, by which to go on."""
    if len(change.deployments) == change.deployment_count:
        listed = sorted(change.deployments, key=lambda one: (one.source, one.id))
        return {"deployments": [_shown(to_document(one)) for one in listed], "next": None}
    rows, cursor = _DEPLOYMENTS.page(work, number, after)
    return {"deployments": [_shown(row["deployment"]) for row in rows], "next": cursor}


def _shown(deployment: Document) -> Document:
    return {**deployment, "at": format_instant(deployment["at"])}


def _unkept(work: Work, change: str, there: tuple[Deployment, ...]) -> list[Deployment]:
    if not there or is_recorded(work, change, there[-1]):
        return []
    by_entry = {(one.source, one.id): one for one in there}
    return [by_entry[entry[0], entry[1]] for entry in _DEPLOYMENTS.missing(work, change, by_entry)]
