"""Arguments of the commands. What an action needs is the state table's matter; here is what a value may be.

Unknown fields are refused. Each schema loads into the arguments of its rule.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from marshmallow import RAISE, Schema, fields, post_load, validate

from services.incident.domain.asking import Find, Get
from services.incident.domain.assignment import Accept, Assign
from services.incident.domain.closure import Cancel, Close, Reopen, Resolve
from services.incident.domain.conversation import AuthorKind, LinkTo, Note, Prioritise, Visibility
from services.incident.domain.levels import HandOver
from services.incident.domain.lifecycle import Action
from services.incident.domain.opening import Opening
from services.incident.domain.record import (
    HIGHEST_LEVEL,
    LOWEST_LEVEL,
    Degree,
    Kind,
    LinkKind,
    Priority,
    State,
    WaitingReason,
)
from services.incident.domain.waiting import Resume, Wait
from shared.formats import readable

NUMBER = r"^(INC|REQ)[0-9]{7,12}$"


def name(**options: Any) -> fields.String:
    """A short text: a team, a person, a code."""
    return fields.String(allow_none=True, validate=[validate.Length(min=1, max=255), readable], **options)


def prose(**options: Any) -> fields.String:
    """A text of people."""
    return fields.String(allow_none=True, validate=validate.Length(max=32_000), **options)


def level() -> fields.Integer:
    """A support level."""
    return fields.Integer(strict=True, allow_none=True, validate=validate.Range(LOWEST_LEVEL, HIGHEST_LEVEL))


class Args(Schema):
    """Arguments that load into `into`; what is null counts as not given."""

    into: ClassVar[Callable[..., Any]]

    class Meta:
        unknown = RAISE

    @post_load
    def build(self, data: dict[str, Any], **_: Any) -> Any:
        return self.into(**{key: value for key, value in data.items() if value is not None})


class OpenArgs(Args):
    into: ClassVar[Callable[..., Any]] = Opening
    title = fields.String(load_default="", validate=[validate.Length(max=1000), readable])
    description = prose()
    kind = fields.Enum(Kind, by_value=True)
    requester = name()
    channel = name()
    impact = fields.Enum(Degree, by_value=True)
    urgency = fields.Enum(Degree, by_value=True)
    category = name()
    ci = name()
    service = name()
    language = name()
    organisation = name()
    level = level()
    team = name()
    person = name()
    outage = fields.Boolean()
    restricted = fields.Boolean()


class AssignArgs(Args):
    into = Assign
    team = name()
    person = name()


class AcceptArgs(Args):
    into = Accept
    team = name()
    person = name()


class HandOverArgs(Args):
    into = HandOver
    summary = prose()
    level = level()
    team = name()
    person = name()


class WaitArgs(Args):
    into = Wait
    reason = fields.Enum(WaitingReason, by_value=True)
    text = prose()


class ResumeArgs(Args):
    into = Resume


class NoteArgs(Args):
    into = Note
    text = prose()
    visibility = fields.Enum(Visibility, by_value=True)


class PrioritiseArgs(Args):
    into = Prioritise
    impact = fields.Enum(Degree, by_value=True)
    urgency = fields.Enum(Degree, by_value=True)
    outage = fields.Boolean()


class ResolveArgs(Args):
    into = Resolve
    code = name()
    text = prose()


class CloseArgs(Args):
    into = Close
    code = name()
    text = prose()


class CancelArgs(Args):
    into = Cancel
    reason = prose()


class ReopenArgs(Args):
    into = Reopen
    reason = prose()
    to = fields.Enum(State, by_value=True)


class LinkArgs(Args):
    into = LinkTo
    kind = fields.Enum(LinkKind, by_value=True)
    number = fields.String(allow_none=True, validate=[validate.Length(min=1, max=64), readable])


class ImportedNoteArgs(NoteArgs):
    """A note of a foreign desk, which alone knows who wrote it; `domain.history.spoken` says when its word counts."""

    author = name()
    author_kind = fields.Enum(AuthorKind, by_value=True)


class GetArgs(Args):
    into = Get
    fingerprint = name()
    dedup_key = fields.String(validate=validate.Length(min=1, max=1000))
    external_ref = name()
    source = name()
    history = fields.Boolean()
    history_after = fields.Integer(strict=True, validate=validate.Range(min=0, max=2**53))
    notes = fields.Boolean()
    notes_after = fields.Integer(strict=True, validate=validate.Range(min=0, max=2**53))
    links = fields.Boolean()
    links_after = fields.String(validate=validate.Length(min=1, max=255))


def _any_of(kind: type) -> fields.List[Any]:
    return fields.List(fields.Enum(kind, by_value=True), validate=validate.Length(min=1, max=10))


class ReportArgs(Schema):
    """None: the report covers all records."""

    class Meta:
        unknown = RAISE


class FindArgs(Schema):
    """Filters, and the page. A list means any of its members."""

    class Meta:
        unknown = RAISE

    state = _any_of(State)
    priority = _any_of(Priority)
    kind = _any_of(Kind)
    level = level()
    team = name()
    person = name()
    fingerprint = name()
    external_ref = name()
    after = fields.String(allow_none=True, validate=validate.Regexp(NUMBER))
    limit = fields.Integer(strict=True, load_default=50, validate=validate.Range(1, 100))

    @post_load
    def build(self, data: dict[str, Any], **_: Any) -> Find:
        after, limit = data.pop("after", None), data.pop("limit")
        where = {key: _plain(value) for key, value in data.items() if value is not None}
        return Find(where=where, after=after, limit=limit)


def _plain(value: Any) -> Any:
    return [member.value for member in value] if isinstance(value, list) else value


ARGUMENTS: dict[Action, type[Args]] = {
    Action.OPEN: OpenArgs,
    Action.ASSIGN: AssignArgs,
    Action.ESCALATE: HandOverArgs,
    Action.HAND_BACK: HandOverArgs,
    Action.ACCEPT: AcceptArgs,
    Action.WAIT: WaitArgs,
    Action.RESUME: ResumeArgs,
    Action.NOTE: NoteArgs,
    Action.PRIORITISE: PrioritiseArgs,
    Action.RESOLVE: ResolveArgs,
    Action.REOPEN: ReopenArgs,
    Action.CLOSE: CloseArgs,
    Action.CANCEL: CancelArgs,
    Action.LINK: LinkArgs,
}
