"""Arguments of the questions that are answered from the history: explain, verify, figures."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from services.sla.domain.figures import DIMENSIONS
from services.sla.domain.policy import MAIN, Kind
from shared.formats import Instant

MAX_CLOCKS = 500
"""Clocks in one page of a question that folds each of them: more would hold the service up."""
MOST_AHEAD = 31 * 24 * 60 * 60
_PLACE = r"[0-9]{4}-[0-9T:.Z-]{19} \S{1,255}"
CURSOR = rf"^{_PLACE}\Z"
VERIFY_CURSOR = rf"^({_PLACE}|cases|cases {_PLACE})\Z"
_DUE = re.compile(r"[01] ([0-9T:.+-]{32})", re.ASCII)


def due_cursor(value: str) -> None:
    """The cursor of a page of what is due: a lane, and an instant to the microsecond."""
    match = _DUE.fullmatch(value)
    try:
        valid = match is not None and datetime.fromisoformat(match[1]).tzinfo is not None
    except ValueError:
        valid = False
    if not valid:
        raise ValidationError("is not the cursor of an earlier page")


class AgreementName(fields.String):
    """The name of an agreement: `main` for the first one, `all` for every one where more than one may be asked of."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=validate.Length(1, 64), **options)


class _Strict(Schema):
    class Meta:
        unknown = RAISE


class ExplainArgs(_Strict):
    """Which clock and agreement (all when left out), as of which instant (now when left out), and by which inputs those
    that have ended: by those by which they did (`told`), or by those in force."""

    clock = fields.String(validate=validate.OneOf([kind.value for kind in Kind]))
    agreement = AgreementName()
    at = Instant()
    inputs = fields.String(load_default="told", validate=validate.OneOf(["told", "in-force"]))


class ExpectArgs(_Strict):
    """In which time zone (IANA name); the requester's, or else the calendar's, when it is left out."""

    zone = fields.String(validate=validate.Length(1, 255))


class PageArgs(_Strict):
    """A page of the clocks that started from `since` on and before `until`; go on with `cursor` set to `next`."""

    since = Instant()
    until = Instant()
    limit = fields.Integer(load_default=200, strict=True, validate=validate.Range(1, MAX_CLOCKS))
    cursor = fields.String(validate=validate.Regexp(CURSOR))


class VerifyArgs(PageArgs):
    """A page of the clocks of a period, and then of the incidents whose clocks they are."""

    cursor = fields.String(validate=validate.Regexp(VERIFY_CURSOR))


class FiguresArgs(PageArgs):
    """A page of clocks of one agreement, or of `all`, counted by one dimension."""

    by = fields.String(load_default="priority", validate=validate.OneOf(DIMENSIONS))
    agreement = AgreementName(load_default=MAIN)


class PredictArgs(_Strict):
    """A page of the clocks that are due before this much open time of their calendar has gone."""

    within_seconds = fields.Integer(load_default=3600, strict=True, validate=validate.Range(1, MOST_AHEAD))
    limit = fields.Integer(load_default=200, strict=True, validate=validate.Range(1, MAX_CLOCKS))
    cursor = fields.String(validate=due_cursor)
