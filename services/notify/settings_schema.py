"""The form of the settings file, field by field."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from math import isfinite
from typing import Any

from jinja2 import TemplateError, TemplateSyntaxError
from marshmallow import RAISE, Schema, ValidationError, fields, validate, validates_schema

from services.notify.domain.rules import Channel
from services.notify.events import CONSUMES
from services.notify.sandbox import compiled
from shared.addresses import email_address, host_name, server, web_address
from shared.formats import Written
from shared.plain_yaml import OldBoolean
from shared.topology import matches

NAME = validate.Regexp(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\Z", error="not a name: letters, digits, '_', '.' and '-'")


class _Strict(Schema):
    class Meta:
        unknown = RAISE


def one_line(value: str) -> None:
    """Text that may stand in a header."""
    if not value.isprintable():
        raise ValidationError("must be one line without control characters")


def event_pattern(value: str) -> None:
    """`<record>.<event>` in which the event may be `*`; the record must be one that notify listens to."""
    words = value.split(".")
    if len(words) != 2 or words[0] not in CONSUMES or not re.fullmatch(r"[a-z_]+|\*", words[1]):
        raise ValidationError(f"not an event: one of {', '.join(CONSUMES)}, a dot, and a name or *")
    if words[1] != "*" and not any(matches(pattern, value) for pattern in CONSUMES[words[0]]):
        raise ValidationError(f"{value} is not told to notify: it would reach nobody")


def scalar_or_list(value: Any) -> None:
    """What a condition compares with: one plain value or a list of them."""
    values = value if isinstance(value, list) else [value]
    if not values or any(not isinstance(one, str | int | float | bool | None) for one in values):
        raise ValidationError("must be a plain value or a list of plain values")
    for one in values:
        if isinstance(one, float) and not isfinite(one):
            raise ValidationError(f"{one} is equal to nothing that a record holds")
        if isinstance(one, OldBoolean):
            raise ValidationError(f"{one} may be true, false or a word: write true or false, or '{one}' in quotes")


def path(value: str) -> None:
    """Names with dots between them, as `change.percent`."""
    if not all(value.split(".")):
        raise ValidationError("is no path: it must be names of fields with dots between them")


def template(value: str) -> None:
    """A Jinja2 template that compiles."""
    try:
        compiled(value)
    except TemplateSyntaxError as error:
        raise ValidationError(f"line {error.lineno}: {error.message}") from None
    except RecursionError:
        raise ValidationError("is nested too deeply") from None
    except (TemplateError, SyntaxError, MemoryError, ValueError, OverflowError) as error:
        # Python's own compiler has limits as well, such as twenty loops within each other.
        raise ValidationError(f"cannot be compiled: {error}") from None


def signing_secret(value: str) -> None:
    """A Standard Webhooks secret: base64 of at least 16 bytes, with or without `whsec_` before it."""
    try:
        size = len(base64.b64decode(value.removeprefix("whsec_"), validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if size < 16:
        raise ValidationError("must be whsec_ and base64 of at least 16 bytes")


def login_words(value: str) -> None:
    """A user or a password as a mail server can be told: what is not ASCII is not sent."""
    if not value.isascii() or "\0" in value:
        raise ValidationError("must be ASCII: the mail server could not be told it")


def _one_source(data: Mapping[str, Any], name: str, required: bool) -> None:
    given = [source for source in (name, f"{name}_file") if source in data]
    if len(given) > 1 or (required and not given):
        raise ValidationError(f"give either {name} or {name}_file", name)


class WebhookSchema(_Strict):
    url = Written(web_address, required=True)
    secret = fields.String(validate=signing_secret)
    secret_file = fields.String(validate=validate.Length(1))

    @validates_schema
    def has_one_secret(self, data: Mapping[str, Any], **_: Any) -> None:
        _one_source(data, "secret", required=True)


class AddressSchema(_Strict):
    email = Written(email_address)
    webhook = fields.Nested(WebhookSchema)

    @validates_schema
    def leads_somewhere(self, data: Mapping[str, Any], **_: Any) -> None:
        if not data:
            raise ValidationError("needs an email, a webhook, or both")


class RuleSchema(_Strict):
    name = fields.String(required=True, validate=NAME)
    events = fields.List(fields.String(validate=event_pattern), required=True, validate=validate.Length(1))
    when = fields.Dict(
        keys=fields.String(validate=path), values=fields.Raw(validate=scalar_or_list, allow_none=True), load_default={}
    )
    to = fields.List(fields.String(validate=NAME), required=True, validate=validate.Length(1))
    channel = fields.String(required=True, validate=validate.OneOf([channel.value for channel in Channel]))
    subject = fields.String(load_default="", validate=template)
    text = fields.String(load_default="", validate=template)

    @validates_schema
    def says_something(self, data: Mapping[str, Any], **_: Any) -> None:
        for name in ("subject", "text"):
            if data["channel"] == "email" and not data[name]:
                raise ValidationError("an e-mail needs one", name)
            if data["channel"] == "webhook" and data[name]:
                raise ValidationError("a webhook carries the event itself and no words", name)


class SmtpSchema(_Strict):
    host = Written(server, load_default="localhost")
    port = fields.Integer(load_default=25, strict=True, validate=validate.Range(1, 65535))
    sender = Written(email_address, required=True)
    user = fields.String(load_default="", validate=login_words)
    password = fields.String(validate=login_words)
    password_file = fields.String(validate=validate.Length(1))
    starttls = fields.Boolean(load_default=False)
    timeout_seconds = fields.Float(load_default=None, allow_none=True, validate=validate.Range(0.1, 600))

    @validates_schema
    def has_one_password(self, data: Mapping[str, Any], **_: Any) -> None:
        _one_source(data, "password", required=bool(data["user"]))


class ReachSchema(_Strict):
    allow_http = fields.Boolean(load_default=False)
    allow_private = fields.Boolean(load_default=False)
    timeout_seconds = fields.Float(load_default=10.0, validate=validate.Range(0.1, 60))


class PatienceSchema(_Strict):
    """How long a channel is tried: RFC 5321, section 4.5.4.1, has mail tried for four to five days."""

    keep_trying_hours = fields.Float(validate=validate.Range(0.01, 24 * 30))
    longest_pause_minutes = fields.Float(validate=validate.Range(0.1, 24 * 60))
    urgent_longest_pause_minutes = fields.Float(validate=validate.Range(0.1, 24 * 60))
    doubtful_pauses_minutes = fields.List(
        fields.Float(validate=validate.Range(0.01, 7 * 24 * 60)), validate=validate.Length(max=100)
    )


class PatienceTableSchema(_Strict):
    email = fields.Nested(PatienceSchema, load_default=dict)
    webhook = fields.Nested(PatienceSchema, load_default=dict)


class SettingsSchema(_Strict):
    """The whole file. Every field but `domain`, `smtp`, `addresses` and `rules` has a default."""

    domain = Written(host_name, required=True)
    max_attempts = fields.Integer(load_default=None, allow_none=True, strict=True, validate=validate.Range(1, 1000))
    patience = fields.Nested(PatienceTableSchema, load_default=lambda: PatienceTableSchema().load({}))
    max_hops = fields.Integer(load_default=16, strict=True, validate=validate.Range(1, 32))
    concurrent = fields.Integer(load_default=10, strict=True, validate=validate.Range(1, 100))
    lease_seconds = fields.Integer(load_default=60, strict=True, validate=validate.Range(1, 3600))
    smtp = fields.Nested(SmtpSchema, required=True)
    webhook = fields.Nested(ReachSchema, load_default=lambda: ReachSchema().load({}))
    fallback = fields.String(load_default="")
    addresses = fields.Dict(keys=fields.String(validate=NAME), values=fields.Nested(AddressSchema), required=True)
    rules = fields.List(fields.Nested(RuleSchema), required=True)
