"""Where problems are kept: the documents with their indexes, and the repository."""

from __future__ import annotations

from mongoengine import StringField

from services.problem.claims import OPEN_PROBLEMS
from services.problem.domain.problem import Problem
from services.problem.members import MEMBERS, SIGNATURES
from services.problem.related import LINKS
from services.problem.schemas import snapshot
from shared.documents import Row, Versioned
from shared.envelope import Lane
from shared.storage import Repository, Shape

PROBLEMS = "problems"


class ProblemDocument(Versioned):
    """A problem. `find` filters by state always, and by service and item where they are given."""

    state = StringField()
    service = StringField()
    ci = StringField()

    meta = {  # noqa: RUF012
        "collection": PROBLEMS,
        "db_alias": "problem",
        "indexes": [
            ("state", "key"),
            ("state", "service", "key"),
            ("state", "ci", "key"),
            ("state", "service", "ci", "key"),
        ],
    }


class MemberDocument(Versioned):
    """What is remembered of an incident (services.problem.members)."""

    free = StringField()

    meta = {  # noqa: RUF012
        "collection": MEMBERS,
        "db_alias": "problem",
        "indexes": ["free"],
    }


class SignatureDocument(Versioned):
    """The guard of a signature: written with each member that is added."""

    meta = {  # noqa: RUF012
        "collection": SIGNATURES,
        "db_alias": "problem",
    }


class OpenProblemDocument(Versioned):
    """The claim of the unsolved problem on its signature."""

    meta = {  # noqa: RUF012
        "collection": OPEN_PROBLEMS,
        "db_alias": "problem",
    }


class LinkDocument(Row):
    """What is linked to a problem; never changes."""

    record = StringField()

    meta = {  # noqa: RUF012
        "collection": LINKS,
        "db_alias": "problem",
        "indexes": [("record", "key")],
    }


DOCUMENTS = (ProblemDocument, MemberDocument, SignatureDocument, OpenProblemDocument, LinkDocument)

AUDITED = ("problems",)
"""The collections whose every record has an audit chain."""


def lane(problem: Problem) -> Lane:
    """The lane of a problem's events: P1 goes before all others."""
    return Lane.URGENT if problem.priority == "P1" else Lane.NORMAL


def problems() -> Repository[Problem]:
    """The repository of problems."""
    return Repository(Shape(service="problem", collection=PROBLEMS, kind=Problem, snapshot=snapshot, lane=lane))
