"""Where problems are kept: the documents with their indexes, and the repository."""

from __future__ import annotations

from mongoengine import DynamicDocument, IntField, StringField

from services.problem.claims import OPEN_PROBLEMS
from services.problem.domain.problem import Problem
from services.problem.members import MEMBERS, SIGNATURES
from services.problem.schemas import snapshot
from shared.envelope import Lane
from shared.storage import Repository, Shape

PROBLEMS = "problems"


class ProblemDocument(DynamicDocument):
    """A problem. `find` filters by state always, and by service and item where they are given."""

    id = StringField(primary_key=True)
    key = StringField()
    version = IntField()
    state = StringField()
    service = StringField()
    ci = StringField()

    meta = {  # noqa: RUF012
        "collection": PROBLEMS,
        "db_alias": "problem",
        "auto_create_index": False,
        "indexes": [
            ("key", "version"),
            ("state", "key"),
            ("state", "service", "key"),
            ("state", "ci", "key"),
            ("state", "service", "ci", "key"),
        ],
    }


class MemberDocument(DynamicDocument):
    """What is remembered of an incident (services.problem.members)."""

    id = StringField(primary_key=True)
    key = StringField()
    version = IntField()
    free = StringField()

    meta = {  # noqa: RUF012
        "collection": MEMBERS,
        "db_alias": "problem",
        "auto_create_index": False,
        "indexes": [("key", "version"), "free"],
    }


class SignatureDocument(DynamicDocument):
    """The guard of a signature: written with each member that is added."""

    id = StringField(primary_key=True)
    key = StringField()
    version = IntField()

    meta = {  # noqa: RUF012
        "collection": SIGNATURES,
        "db_alias": "problem",
        "auto_create_index": False,
        "indexes": [("key", "version")],
    }


class OpenProblemDocument(DynamicDocument):
    """The claim of the unsolved problem on its signature."""

    id = StringField(primary_key=True)
    key = StringField()
    version = IntField()

    meta = {  # noqa: RUF012
        "collection": OPEN_PROBLEMS,
        "db_alias": "problem",
        "auto_create_index": False,
        "indexes": [("key", "version")],
    }


DOCUMENTS = (ProblemDocument, MemberDocument, SignatureDocument, OpenProblemDocument)

AUDITED = ("problems",)
"""The collections whose every record has an audit chain."""


def lane(problem: Problem) -> Lane:
    """The lane of a problem's events: P1 goes before all others."""
    return Lane.URGENT if problem.priority == "P1" else Lane.NORMAL


def problems() -> Repository[Problem]:
    """The repository of problems."""
    return Repository(Shape(service="problem", collection=PROBLEMS, kind=Problem, snapshot=snapshot, lane=lane))
