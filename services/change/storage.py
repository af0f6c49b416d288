"""Where changes are kept: the documents with their indexes, and the repository."""

from __future__ import annotations

from mongoengine import DateTimeField, StringField

from services.change.claims import UNAUTHORISED
from services.change.domain.change import Change
from services.change.related import DEPLOYMENTS, LINKS
from services.change.schemas import snapshot
from shared.documents import Row, Versioned
from shared.envelope import Lane
from shared.storage import Repository, Shape

CHANGES = "changes"


class ChangeDocument(Versioned):
    """A change. Deployments look for it by service or item, and state; `find` also in order of number."""

    state = StringField()
    service = StringField()
    ci = StringField()
    implemented_at = DateTimeField()

    meta = {  # noqa: RUF012
        "collection": CHANGES,
        "db_alias": "change",
        "indexes": [
            ("service", "state"),
            ("ci", "state"),
            ("service", "state", "implemented_at"),
            ("ci", "state", "implemented_at"),
            ("state", "key"),
            ("state", "service", "key"),
            ("state", "ci", "key"),
            ("state", "service", "ci", "key"),
        ],
    }


class UnauthorisedDocument(Versioned):
    """The claim of an unauthorised change on what was deployed, until it is closed."""

    meta = {  # noqa: RUF012
        "collection": UNAUTHORISED,
        "db_alias": "change",
    }


class DeploymentDocument(Row):
    """A deployment of a change; never changes."""

    record = StringField()

    meta = {  # noqa: RUF012
        "collection": DEPLOYMENTS,
        "db_alias": "change",
        "indexes": [("record", "key")],
    }


class LinkDocument(Row):
    """What is linked to a change; never changes."""

    record = StringField()

    meta = {  # noqa: RUF012
        "collection": LINKS,
        "db_alias": "change",
        "indexes": [("record", "key")],
    }


DOCUMENTS = (ChangeDocument, UnauthorisedDocument, DeploymentDocument, LinkDocument)

AUDITED = ("changes",)
"""The collections whose every record has an audit chain."""


def lane(change: Change) -> Lane:
    """The lane of a change's events: P1 goes before all others."""
    return Lane.URGENT if change.priority == "P1" else Lane.NORMAL


def changes() -> Repository[Change]:
    """The repository of changes."""
    return Repository(Shape(service="change", collection=CHANGES, kind=Change, snapshot=snapshot, lane=lane))
