"""Commands and questions as they come in by RPC: judged, run once, answered with a record or an error.

A request is `{number?, args, actor: {kind, id, roles, organisation}, expected_version?, idempotency_key?,
correlationid, traceparent}`; the reply is `{record}` or `{error: {slug, message, pointer?}}` (DESIGN section 3).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from shared.cause import Actor, Cause
from shared.envelope import MAX_INTEGER
from shared.errors import DeskwireError, Invalid
from shared.formats import readable
from shared.ids import Ids
from shared.json_reading import check_depth
from shared.keys import joined
from shared.store import Document
from shared.unit_of_work import UnitOfWork, Work

A = TypeVar("A")
Text = validate.Length(min=1, max=255)
Name = validate.And(Text, readable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A request whose envelope is valid; `args` are still raw."""

    number: str | None
    args: Mapping[str, Any]
    cause: Cause
    expected_version: int | None
    idempotency_key: str | None

    def require_number(self) -> str:
        """The record's number. Raises Invalid when the request names none."""
        if self.number is None:
            raise Invalid("this command needs a record's number", pointer="/number")
        return self.number


class _ActorSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    kind = fields.String(required=True, validate=validate.OneOf(["person", "system", "service"]))
    id = fields.String(required=True, validate=Name)
    roles = fields.List(fields.String(validate=Name), load_default=list, validate=validate.Length(max=100))
    organisation = fields.String(load_default=None, allow_none=True, validate=Name)


class _RequestSchema(Schema):
    number = fields.String(load_default=None, allow_none=True, validate=Text)
    args = fields.Dict(keys=fields.String(), load_default=dict)
    actor = fields.Nested(_ActorSchema, required=True)
    expected_version = fields.Integer(
        load_default=None, allow_none=True, strict=True, validate=validate.Range(0, MAX_INTEGER)
    )
    idempotency_key = fields.String(load_default=None, allow_none=True, validate=Text)
    correlationid = fields.String(load_default=None, allow_none=True, validate=Name)
    traceparent = fields.String(load_default=None, allow_none=True, validate=Name)


_REQUEST = _RequestSchema()


def load(schema: Schema, document: Any, *, at: str = "") -> Any:
    """Load with marshmallow. Raises Invalid that names the first field at fault, by its JSON pointer, and its rule."""
    if not isinstance(document, Mapping):
        raise Invalid("must be an object", pointer=at or "/")
    try:
        return schema.load(dict(document))
    except ValidationError as error:
        pointer, message = first_fault(error.messages)
        raise Invalid(message, pointer=f"{at}{pointer}") from None


def first_fault(messages: Any) -> tuple[str, str]:
    """The first fault of marshmallow's messages: its JSON pointer and the rule it breaks."""
    if isinstance(messages, Mapping):
        name = sorted(messages, key=str)[0]
        pointer, message = first_fault(messages[name])
        return (pointer, message) if name == "_schema" else (f"/{_escaped(name)}{pointer}", message)
    if isinstance(messages, list):
        return first_fault(messages[0])
    return "", str(messages).rstrip(".")


def _escaped(name: object) -> str:
    """RFC 6901: a name with a slash or a tilde in it is still one step."""
    return str(name).replace("~", "~0").replace("/", "~1")


def read_command(request: Any, ids: Ids) -> Command:
    """Read a request's envelope. Raises Invalid."""
    check_depth(request)
    fields_ = load(_REQUEST, request)
    actor = fields_["actor"]
    return Command(
        number=fields_["number"],
        args=fields_["args"],
        cause=Cause(
            actor=Actor(**{**actor, "roles": frozenset(actor["roles"])}),
            correlationid=fields_["correlationid"] or ids.new(),
            traceparent=fields_["traceparent"],
        ),
        expected_version=fields_["expected_version"],
        idempotency_key=fields_["idempotency_key"],
    )


class Commands:
    """Runs commands and answers questions of one service."""

    def __init__(self, service: str, unit_of_work: UnitOfWork) -> None:
        self._service = service
        self._unit_of_work = unit_of_work

    def execute(
        self, name: str, request: Any, schema: Schema, handler: Callable[[Work, Command, A], Document]
    ) -> Document:
        """Run a command: `{record}` means stored. With an idempotency key it takes effect once in 24 hours or more."""

        def run() -> Document:
            command = read_command(request, self._unit_of_work.ids)
            args = load(schema, command.args, at="/args")

            def block(work: Work) -> Document:
                work.writes.purpose = f"command {name}"
                return {"record": handler(work, command, args)}

            if command.idempotency_key is None:
                return self._unit_of_work.run(block)
            key = idempotency_key(self._service, command.cause.actor, command.idempotency_key)
            return self._unit_of_work.once(key, _fingerprint(name, command), block)

        return _answered(run)

    def answer(self, request: Any, schema: Schema, handler: Callable[[Work, Command, A], Document]) -> Document:
        """Answer a question; nothing is written."""

        def run() -> Document:
            command = read_command(request, self._unit_of_work.ids)
            args = load(schema, command.args, at="/args")
            return {"record": self._unit_of_work.run(lambda work: handler(work, command, args))}

        return _answered(run)


def idempotency_key(service: str, actor: Actor, given: str) -> str:
    """The key of the inbox row of a command: every caller has its own keys, whatever is in them.

    `rpc:<service>:<person>:<key>`; callers of another kind than a person have their kind in the first part.
    """
    return joined("rpc" if actor.kind == "person" else f"rpc-{actor.kind}", service, actor.id, given)


def _answered(run: Callable[[], Document]) -> Document:
    try:
        return run()
    except DeskwireError as error:
        return {"error": error.as_dict()}


def _fingerprint(name: str, command: Command) -> str:
    content = [name, command.number, command.args, command.expected_version]
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
