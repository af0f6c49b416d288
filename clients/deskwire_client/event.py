"""One event as it travels: CloudEvents 1.0 in structured JSON, with the id that makes its effect happen once."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from deskwire_client import alerts
from deskwire_client.errors import InvalidField
from deskwire_client.fields import check, readable, text

EXCHANGE = "itsm.intake"
CONTENT_TYPE = "application/cloudevents+json"
LANES = ("urgent", "normal", "bulk")
MAX_BYTES = 256 * 1024
"""The desk refuses longer bodies; what is large travels by reference."""
ATTRIBUTE_BYTES = 16 * 1024
"""Room for what stands around an alert's data; it takes less at its longest."""
MAX_SEQUENCE = 2**53 - 1
"""The largest whole number that every reader of JSON takes exactly."""
MAX_ID_BYTES = 255
"""The id is the AMQP message-id, too, which is bounded in bytes of UTF-8."""


@dataclass(frozen=True)
class Event:
    """A validated event. `body` is what is published and what the spool keeps, byte for byte."""

    id: str
    source: str
    type: str
    routing_key: str
    body: bytes


def build(
    event_type: str,
    data: Mapping[str, Any],
    *,
    source: str,
    at: datetime | None = None,
    event_id: str | None = None,
    lane: str | None = None,
    subject: str | None = None,
    sequence: int | None = None,
    backfill: bool = False,
    correlationid: str | None = None,
) -> Event:
    """Make an event of `data`; fields that are None are left out. Raises InvalidField with the name of the field.

    An alert is refused for its data only when it says nothing at all (`alerts.read`). Blank arguments count as not
    given, a lane that there is none of as normal; names are cut, and an id that cannot travel becomes its digest.

    `at` is when it happened (aware; now, when absent). The same `event_id` reported twice has one effect; without
    one the event gets a UUIDv7. `sequence` counts the events of one ticket when a history is brought over.
    """
    if event_type in alerts.TYPES:
        fields = alerts.within(alerts.read(data), MAX_BYTES - ATTRIBUTE_BYTES)
        source, subject, correlationid = (_fit_name(value) for value in (source, subject, correlationid))
        event_id, lane = _fit_id(event_id), lane if lane in LANES else None
    else:
        fields = {name: value for name, value in data.items() if value is not None}
        check(event_type, fields)
    attributes = {
        "specversion": "1.0",
        "id": event_id if event_id is not None else new_id(),
        "source": source if source is not None else "",
        "type": event_type,
        "subject": subject,
        "time": _format(at if at is not None else datetime.now(timezone.utc)),
        "datacontenttype": "application/json",
        "sequence": sequence,
        "correlationid": correlationid,
        "lane": lane,
        "backfill": True if backfill else None,
        "data": fields,
    }
    document = {name: value for name, value in attributes.items() if value is not None}
    _check_attributes(document)
    return _event(document, _to_json(document))


def read(body: bytes) -> Event:
    """The event that `build` made of this body. Raises ValueError, which says why nobody could publish it."""
    document = json.loads(body)
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")
    try:
        for name in ("id", "source", "type"):
            text()(name, document.get(name))
        _check_attributes(document)
    except InvalidField as error:
        raise ValueError(str(error)) from None
    return _event(document, body)


def routing_key(event_type: str, lane: str | None) -> str:
    """`<type>.<lane>`, or the type alone, which the desk takes as normal."""
    return event_type if lane is None else f"{event_type}.{lane}"


def new_id() -> str:
    """A UUIDv7 (RFC 9562): milliseconds since 1970, then chance."""
    random = int.from_bytes(os.urandom(10), "big")
    high = time.time_ns() // 1_000_000 << 16 | 7 << 12 | (random >> 62 & 0xFFF)
    return str(uuid.UUID(int=high << 64 | 2 << 62 | random & (1 << 62) - 1))


def _event(document: Mapping[str, Any], body: bytes) -> Event:
    event_type = document["type"]
    key = routing_key(event_type, document.get("lane"))
    return Event(id=document["id"], source=document["source"], type=event_type, routing_key=key, body=body)


def _fit_name(name: Any) -> Any:
    """The name as it can travel; None for a blank one."""
    return (
        None
        if alerts.is_blank(name)
        else re.sub("[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", "\ufffd", str(name))[:255]
    )


def _fit_id(event_id: Any) -> str | None:
    """The id, or the same digest for the same id where it could not travel: it still tells a repetition."""
    if alerts.is_blank(event_id):
        return None
    text, encoded = str(event_id), str(event_id).encode(errors="surrogatepass")
    if _fit_name(text) == text and len(encoded) <= MAX_ID_BYTES:
        return text
    return f"sha256:{hashlib.sha256(encoded).hexdigest()}"


def _check_attributes(document: Mapping[str, Any]) -> None:
    for name in ("id", "source", "subject", "correlationid"):
        if name in document:
            text()(name, document[name])
    for name in ("id", "source", "correlationid"):
        readable(name, document.get(name, name))
    size = len(document["id"].encode(errors="replace"))
    if size > MAX_ID_BYTES:
        raise InvalidField("id", f"has {size} bytes in UTF-8, {MAX_ID_BYTES} are allowed")
    if document.get("lane", "normal") not in LANES:
        raise InvalidField("lane", f"must be one of {', '.join(LANES)}; got {document['lane']!r}")
    sequence = document.get("sequence", 0)
    if isinstance(sequence, bool) or not isinstance(sequence, int) or not 0 <= sequence <= MAX_SEQUENCE:
        raise InvalidField("sequence", f"must be a whole number from 0 to {MAX_SEQUENCE}; got {sequence!r}")


def _format(at: datetime) -> str:
    if not isinstance(at, datetime) or at.tzinfo is None:
        raise InvalidField("time", "must be a time with a UTC offset")
    try:
        return at.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except OverflowError:
        raise InvalidField("time", "is out of range") from None


def _to_json(document: Mapping[str, Any]) -> bytes:
    try:
        body = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError) as error:
        raise InvalidField("data", f"cannot be written as JSON: {error}") from None
    if len(body) > MAX_BYTES:
        raise InvalidField("data", f"makes a body of {len(body)} bytes, {MAX_BYTES} are allowed")
    return body
