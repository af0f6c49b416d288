"""Where sla keeps clocks, cases, history and due rows, and by which indexes they are found."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from mongoengine import BooleanField, DateTimeField, IntField, StringField

from services.sla.domain.promise_moves import Promise
from services.sla.domain.record import Clock
from shared.documents import Row, Versioned
from shared.envelope import Lane
from shared.storage import Repository, Shape
from shared.store import Document

SERVICE = "sla"
CLOCKS = "clocks"
CASES = "cases"
HISTORY = "history"
DUE = "due"
EDITIONS = "editions"
AGREED = "agreed"
PROMISES = "promises"
OUTAGES = "outages"
KEPT_SECONDS = 400 * 24 * 60 * 60
"""How long history is kept: as long as the journal is unless `DESKWIRE_JOURNAL_DAYS` says otherwise."""
KEPT = timedelta(seconds=KEPT_SECONDS)


class ClockDocument(Versioned):
    """A clock as it was last told. `place` orders clocks by their start."""

    meta = {  # noqa: RUF012
        "collection": CLOCKS,
        "db_alias": SERVICE,
        "indexes": ["place", ("state", "place")],
    }


class CaseDocument(Versioned):
    """The fold of one incident so far. `edition` are the inputs that it rests on, `unended` says that a clock counts;
    `place` orders cases by the start of their first clock.

    A case stored before these were kept has none of them; one that has no clock yet has no `place`.
    """

    gap = BooleanField()
    unended = BooleanField()
    edition = StringField()
    place = StringField()
    meta = {  # noqa: RUF012
        "collection": CASES,
        "db_alias": SERVICE,
        "indexes": ["gap", ("unended", "edition"), "place"],
    }


class HistoryDocument(Row):
    """One version of an incident as it came. Never changed; kept as long as the journal (by `stored_at`)."""

    version = IntField()
    incident = StringField()
    stored_at = DateTimeField()
    meta = {  # noqa: RUF012
        "collection": HISTORY,
        "db_alias": SERVICE,
        "indexes": [("incident", "version"), {"fields": ["stored_at"], "expireAfterSeconds": KEPT_SECONDS}],
    }


class DueDocument(Versioned):
    """When to look at a clock next. The fold decides what is found there."""

    bucket = IntField()
    at = DateTimeField()
    meta = {  # noqa: RUF012
        "collection": DUE,
        "db_alias": SERVICE,
        "indexes": [("bucket", "at")],
    }


class EditionDocument(Versioned):
    """All inputs together, by which clocks were computed at some time; the highest `number` holds."""

    number = IntField()
    meta = {  # noqa: RUF012
        "collection": EDITIONS,
        "db_alias": SERVICE,
        "indexes": ["number"],
    }


class AgreedDocument(Row):
    """What an edition said: the agreements as `shared.packed` writes them. Never changed, kept for good."""

    meta = {  # noqa: RUF012
        "collection": AGREED,
        "db_alias": SERVICE,
    }


class PromiseDocument(Versioned):
    """What a requester was told last to expect."""

    meta = {  # noqa: RUF012
        "collection": PROMISES,
        "db_alias": SERVICE,
    }


class OutageDocument(Versioned):
    """An incident that is marked as an outage. `place` orders them by their start."""

    meta = {  # noqa: RUF012
        "collection": OUTAGES,
        "db_alias": SERVICE,
        "indexes": ["place"],
    }


DOCUMENTS = (
    ClockDocument,
    CaseDocument,
    HistoryDocument,
    DueDocument,
    EditionDocument,
    AgreedDocument,
    PromiseDocument,
    OutageDocument,
)

AUDITED = ("clocks", "promises")
"""The collections whose every record has an audit chain."""


def lane_of(record: Clock | Promise) -> Lane:
    """P1 is urgent."""
    return Lane.URGENT if record.priority == "P1" else Lane.NORMAL


def clocks(snapshot: Callable[[str, int, Clock], Document]) -> Repository[Clock]:
    """The repository of clocks, whose events carry `snapshot`."""
    return Repository(
        Shape(
            service=SERVICE,
            collection=CLOCKS,
            kind=Clock,
            snapshot=snapshot,
            lane=lane_of,
            restricted=lambda clock: clock.restricted,
        )
    )


def promises(snapshot: Callable[[str, int, Promise], Document]) -> Repository[Promise]:
    """The repository of promises. None is made for a restricted incident."""
    return Repository(Shape(service=SERVICE, collection=PROMISES, kind=Promise, snapshot=snapshot, lane=lane_of))
