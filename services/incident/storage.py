"""Documents of incident, their indexes, and the repository of records.

Queries filter by one field and walk by key, so each filter has an index of both; indexes are unique by key alone.
"""

from __future__ import annotations

from collections.abc import Callable

from mongoengine import BooleanField, DateTimeField, IntField, StringField

from services.incident.domain.record import Incident, Priority
from shared.documents import Row, Versioned
from shared.envelope import Lane
from shared.storage import Repository, Shape
from shared.store import Document

KEPT_SECONDS = 400 * 24 * 60 * 60
"""How long occurrences are kept: as long as the journal is unless `DESKWIRE_JOURNAL_DAYS` says otherwise."""


REMEMBERED_SECONDS = 30 * 24 * 60 * 60
"""How long it is remembered which incident an alert had: as long as the settings let a firing reopen it."""


class IncidentDocument(Versioned):
    """A record. `key` is its number."""

    state = StringField()
    priority = StringField()
    level = IntField()
    team = StringField()
    person = StringField()
    kind = StringField()
    fingerprint = StringField()
    external_ref = StringField()
    meta = {  # noqa: RUF012
        "collection": "incidents",
        "db_alias": "incident",
        "indexes": [
            ("state", "key"),
            ("priority", "key"),
            ("level", "key"),
            ("team", "key"),
            ("person", "key"),
            ("kind", "key"),
            ("fingerprint", "key"),
            ("external_ref", "key"),
            ("state", "priority", "level"),
        ],
    }


class AlertDocument(Versioned):
    """An alert: what is wrong and who says so."""

    fingerprint = StringField()
    status = StringField()
    incident = StringField()
    meta = {  # noqa: RUF012
        "collection": "alerts",
        "db_alias": "incident",
        "indexes": [("fingerprint", "status"), ("fingerprint", "status", "incident", "key")],
    }


class OpenAlertDocument(Versioned):
    """The claim of an unfinished incident on a fingerprint."""

    due_at = DateTimeField()
    meta = {  # noqa: RUF012
        "collection": "open_alerts",
        "db_alias": "incident",
        "indexes": ["due_at"],
    }


class ClearingDocument(Versioned):
    """What is remembered of a fingerprint whose incident its alerts have resolved."""

    stored_at = DateTimeField()
    meta = {  # noqa: RUF012
        "collection": "clearings",
        "db_alias": "incident",
        "indexes": [{"fields": ["stored_at"], "expireAfterSeconds": REMEMBERED_SECONDS}],
    }


class OccurrenceDocument(Row):
    """One message about an alert; never changes. It goes by when it was stored: history may have happened long ago."""

    alert = StringField()
    incident = StringField()
    at = DateTimeField()
    stored_at = DateTimeField()
    meta = {  # noqa: RUF012
        "collection": "occurrences",
        "db_alias": "incident",
        "indexes": [
            ("incident", "at"),
            ("alert", "at"),
            {"fields": ["stored_at"], "expireAfterSeconds": KEPT_SECONDS},
        ],
    }


class NoteDocument(Row):
    """A note with its text; never changes."""

    incident = StringField()
    at = DateTimeField()
    meta = {  # noqa: RUF012
        "collection": "notes",
        "db_alias": "incident",
        "indexes": ["incident"],
    }


class LinkDocument(Row):
    """A link of a record to another; never changes. `to` is the other's kind and number."""

    record = StringField()
    to = StringField()
    meta = {  # noqa: RUF012
        "collection": "links",
        "db_alias": "incident",
        "indexes": [("record", "key"), ("to", "key")],
    }


class ExternalRefDocument(Versioned):
    """A foreign ticket's reference: its number here and how far its history is applied."""

    number = StringField()
    gap_told = BooleanField()
    overdue_from = DateTimeField()
    behind = BooleanField()
    meta = {  # noqa: RUF012
        "collection": "external_refs",
        "db_alias": "incident",
        "indexes": ["number", "gap_told", "overdue_from", "behind"],
    }


class WaitingActionDocument(Versioned):
    """An action that came before what it follows, or that waited so and was refused at its turn."""

    reference = StringField()
    meta = {  # noqa: RUF012
        "collection": "waiting_actions",
        "db_alias": "incident",
        "indexes": ["reference"],
    }


DOCUMENTS = (
    IncidentDocument,
    AlertDocument,
    OpenAlertDocument,
    ClearingDocument,
    OccurrenceDocument,
    NoteDocument,
    LinkDocument,
    ExternalRefDocument,
    WaitingActionDocument,
)

AUDITED = ("incidents",)
"""The collections whose every record has an audit chain."""


def incidents(
    snapshot: Callable[[str, int, Incident], Document], lanes: Callable[[Priority], str]
) -> Repository[Incident]:
    """The repository of incidents and requests; `lanes` gives the lane of a priority by its label."""
    return Repository(
        Shape(
            service="incident",
            collection="incidents",
            kind=Incident,
            snapshot=snapshot,
            lane=lambda incident: Lane.parse(lanes(incident.priority)),
            restricted=lambda incident: incident.restricted,
        )
    )
