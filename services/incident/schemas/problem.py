"""Events of problem, as far as they concern incidents."""

from __future__ import annotations

from marshmallow import EXCLUDE, Schema, fields

from services.incident.domain.problems import ProblemChange
from services.incident.schemas.commands import prose
from shared.command import load
from shared.envelope import Envelope


class _Change(Schema):
    class Meta:
        unknown = EXCLUDE

    incidents = fields.List(fields.String(), load_default=list)
    resolve = fields.Boolean(load_default=False)
    text = prose(load_default=None)


class ProblemData(Schema):
    """`problem.linked` and `problem.resolved`. A restricted problem's event has no change, and asks nothing."""

    class Meta:
        unknown = EXCLUDE

    change = fields.Nested(_Change, load_default=dict)


_PROBLEM = ProblemData()


def read(envelope: Envelope) -> ProblemChange:
    """What the event says about incidents. Raises Invalid."""
    change = load(_PROBLEM, envelope.data, at="/data")["change"]
    return ProblemChange(
        incidents=tuple(change.get("incidents", ())),
        resolve=change.get("resolve", False),
        text=change.get("text"),
    )
