"""Messages that nobody can handle, and the reason under which each must lie among the dead letters."""

from __future__ import annotations

from dataclasses import dataclass, replace

import orjson

from shared.clock import format_instant
from shared.envelope import MAX_BYTES, encode
from shared.publisher import Message
from shared.testing import make_envelope, make_instant
from shared.topology import INTAKE

_ALERT = {"dedup_key": "poison", "title": "poison"}
PICKLE = b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01a\x94K\x01s."


@dataclass(frozen=True, slots=True, kw_only=True)
class Poison:
    """One kind of poison: what is in it, where it is sent, and how it must end."""

    name: str
    body: bytes
    reason: str
    routing_key: str = "alert.firing"
    content_type: str = "application/cloudevents+json"
    consumer: str = "incident"

    def message(self, identity: str) -> Message:
        """The message under an id that is its own."""
        return Message(
            exchange=INTAKE,
            routing_key=self.routing_key,
            body=self.body.replace(b"POISON-ID", identity.encode()),
            message_id=identity,
            content_type=self.content_type,
        )


def _event(**overrides: object) -> bytes:
    return encode(make_envelope(**{"id": "POISON-ID", "data": _ALERT, **overrides}))


def _edited(**changes: object) -> bytes:
    return orjson.dumps({**orjson.loads(_event()), **changes})


def kinds() -> tuple[Poison, ...]:
    """Every kind, once."""
    marker = {"__type__": "nope", "__value__": format_instant(make_instant())}
    broken = Poison(name="bad JSON", body=b'{"specversion": "1.0", "id": "POISON-ID", ', reason="bad-json")
    return (
        broken,
        replace(broken, name="not UTF-8", body=b"\xff\xfe\x00" + _event()),
        replace(broken, name="pickle", body=PICKLE, content_type="application/x-python-serialize"),
        Poison(name="__type__ body", body=orjson.dumps(marker), reason="bad-envelope"),
        Poison(name="unknown version", body=_edited(specversion="9.9"), reason="bad-envelope"),
        Poison(
            name="unknown schema",
            body=_event(type="ticket.submitted", data={"nothing": "known"}),
            routing_key="ticket.submitted",
            reason="invalid",
        ),
        Poison(
            name="endless name",
            body=_event(type="ticket.submitted", data={"external_ref": "A" * 200_000, "title": "poison"}),
            routing_key="ticket.submitted",
            reason="invalid",
        ),
        Poison(
            name="__type__ for a field",
            body=_event(type="ticket.submitted", data={"external_ref": marker, "title": "poison"}),
            routing_key="ticket.submitted",
            reason="invalid",
        ),
        Poison(name="oversized", body=_event(data={**_ALERT, "x": "x" * MAX_BYTES}), reason="oversized"),
        Poison(
            name="unknown type",
            body=_event(type="alert.unheard"),
            routing_key="alert.unheard",
            reason="unknown-type",
        ),
        Poison(
            name="nothing known of a deployment",
            body=_event(type="change.deployed", data={"service": ["no"]}),
            routing_key="change.deployed",
            consumer="change",
            reason="invalid",
        ),
    )
