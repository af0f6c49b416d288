"""The envelope of every event: CloudEvents 1.0, structured mode, strict JSON in UTF-8.

The `cloudevents` library judges the attributes; writing bytes is orjson's, and reading them too
(`shared.json_reading`): it follows RFC 8259 to the letter and has no object hook that a sender could aim at, as
kombu's has (docs/measurements.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any

import orjson
from cloudevents.core.exceptions import CloudEventValidationError
from cloudevents.core.v1.event import CloudEvent

from shared.clock import format_instant, parse_instant
from shared.errors import Invalid
from shared.json_reading import read_json

CONTENT_TYPE = "application/cloudevents+json"
MAX_BYTES = 256 * 1024
"""Bodies over this are refused: attachments travel by reference, and RabbitMQ 4 stops at 16 MiB."""
MAX_HOPS = 32
"""A chain of events longer than this is a loop, and is parked in the dead letters."""
MAX_INTEGER = 2**53 - 1
"""The largest whole number that every reader of JSON takes exactly (RFC 8259, section 6); a database keeps more, so
that there is room to count on."""


class Lane(IntEnum):
    """The lane of an event; a lower value is served first."""

    URGENT = 0
    NORMAL = 1
    BULK = 2

    @property
    def label(self) -> str:
        """The lane's name in routing keys, queues and the envelope: `urgent`, `normal`, `bulk`."""
        return self.name.lower()

    @classmethod
    def parse(cls, text: str) -> Lane:
        """Read a label. Raises Invalid when it is none of the three."""
        try:
            return cls[text.upper()]
        except (KeyError, AttributeError):
            raise Invalid(f"{text!r} is not a lane: urgent, normal or bulk", pointer="/lane") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One event as it travels. Attribute names are CloudEvents' own and its extensions' (docs/events.md).

    `sender` is the broker's validated user of a received message; `adjusted` names what was bent so that it could be
    taken (`shared.intake`), each with the sender's word where there was one. Neither travels in the body.
    """

    id: str
    source: str
    type: str
    time: datetime
    data: Mapping[str, Any]
    subject: str | None = None
    sequence: int | None = None
    correlationid: str | None = None
    causationid: str | None = None
    traceparent: str | None = None
    hops: int = 0
    lane: Lane = Lane.NORMAL
    backfill: bool = False
    restricted: bool = False
    sender: str | None = field(default=None, compare=False)
    adjusted: Mapping[str, str | None] = field(default_factory=dict, compare=False)


def encode(envelope: Envelope) -> bytes:
    """The event as structured JSON. Raises Invalid when an attribute breaks CloudEvents 1.0."""
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": envelope.id,
        "source": envelope.source,
        "type": envelope.type,
        "subject": envelope.subject,
        "time": envelope.time,
        "datacontenttype": "application/json",
        "sequence": envelope.sequence,
        "correlationid": envelope.correlationid,
        "causationid": envelope.causationid,
        "traceparent": envelope.traceparent,
        "hops": envelope.hops,
        "lane": envelope.lane.label,
        "backfill": envelope.backfill,
        "restricted": envelope.restricted,
    }
    attributes = {name: value for name, value in attributes.items() if value is not None}
    _judge(attributes, envelope.data)
    return orjson.dumps({**attributes, "time": format_instant(envelope.time), "data": envelope.data})


def decode(body: bytes, *, sender: str | None = None, max_bytes: int = MAX_BYTES) -> Envelope:
    """Read a structured CloudEvent. Unknown attributes are ignored.

    Raises Invalid with one of the slugs `oversized`, `bad-json`, `bad-envelope`; the pointer names the attribute.
    """
    check_size(body, max_bytes)
    return from_json(read_json(body), sender=sender)


def check_size(body: bytes, max_bytes: int) -> None:
    """Raises Invalid (`oversized`) for a body of more bytes."""
    if len(body) > max_bytes:
        raise Invalid(f"the body has {len(body)} bytes, {max_bytes} are allowed", slug="oversized")


def from_json(document: Any, *, sender: str | None = None) -> Envelope:
    """The event that a JSON value is. Raises Invalid (`bad-envelope`); the pointer names the attribute."""
    if not isinstance(document, dict):
        raise Invalid("the body is not a JSON object", slug="bad-envelope")
    attributes = {name: value for name, value in document.items() if name != "data"}
    data = document.get("data")
    if not isinstance(data, dict):
        raise Invalid("data must be a JSON object", slug="bad-envelope", pointer="/data")
    if attributes.get("specversion") != "1.0":
        raise Invalid("specversion must be 1.0", slug="bad-envelope", pointer="/specversion")
    try:
        time = parse_instant(attributes.get("time", ""), pointer="/time")
        lane = Lane.parse(attributes.get("lane", "normal"))
    except Invalid as error:
        raise Invalid(error.message, slug="bad-envelope", pointer=error.pointer) from None
    _judge({**attributes, "time": time}, data)
    return Envelope(
        id=attributes["id"],
        source=attributes["source"],
        type=attributes["type"],
        time=time,
        data=data,
        subject=attributes.get("subject"),
        sequence=_integer(attributes, "sequence"),
        correlationid=_text(attributes, "correlationid"),
        causationid=_text(attributes, "causationid"),
        traceparent=_text(attributes, "traceparent"),
        hops=_integer(attributes, "hops") or 0,
        lane=lane,
        backfill=_boolean(attributes, "backfill"),
        restricted=_boolean(attributes, "restricted"),
        sender=sender,
    )


def _judge(attributes: dict[str, Any], data: Mapping[str, Any]) -> None:
    known = {name: value for name, value in attributes.items() if name in _JUDGED}
    try:
        CloudEvent(known, dict(data))
    except CloudEventValidationError as error:
        name = sorted(error.errors)[0]
        raise Invalid(f"{name}: {error.errors[name][0]}", slug="bad-envelope", pointer=f"/{name}") from None
    for name in ("id", "source", "type"):
        # The library makes up an id for an event that has none, and such an event could not be told from its copy.
        if name not in attributes:
            raise Invalid(f"{name} is missing", slug="bad-envelope", pointer=f"/{name}")
        if len(attributes[name]) > MAX_TEXT:
            raise Invalid(f"{name} is longer than {MAX_TEXT} characters", slug="bad-envelope", pointer=f"/{name}")


MAX_TEXT = 255
_JUDGED = frozenset({"specversion", "id", "source", "type", "subject", "time", "datacontenttype"})


def _integer(attributes: Mapping[str, Any], name: str) -> int | None:
    value = attributes.get(name)
    # CloudEvents' own sequence extension is text; both ways of writing a whole number are taken.
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        value = int(value)
    # JSON knows no difference between 3 and 3.0, and some languages write the one for the other.
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_INTEGER):
        return value
    raise Invalid(f"{name} must be a whole number from 0 to {MAX_INTEGER}", slug="bad-envelope", pointer=f"/{name}")


def _text(attributes: Mapping[str, Any], name: str) -> str | None:
    value = attributes.get(name)
    if value is None or (isinstance(value, str) and 0 < len(value) <= MAX_TEXT):
        return value
    raise Invalid(f"{name} must be text of 1 to {MAX_TEXT} characters", slug="bad-envelope", pointer=f"/{name}")


def _boolean(attributes: Mapping[str, Any], name: str) -> bool:
    value = attributes.get(name, False)
    if isinstance(value, bool):
        return value
    raise Invalid(f"{name} must be true or false", slug="bad-envelope", pointer=f"/{name}")
