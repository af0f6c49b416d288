"""Messages from outside: how they are read, and limits that leave room for what follows from them.

An optional attribute that is null or blank counts as absent, whoever sends it. What a machine tells at night, when
nobody is there to mend it, is not refused for an attribute beside the four that tell what it is, either: the attribute
at fault counts as absent, its time as now, its body is read leniently (`shared.lenient_json`), and the event names what
was bent (`Envelope.adjusted`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from shared.clock import format_instant
from shared.envelope import MAX_BYTES, MAX_INTEGER, Envelope, check_size, from_json
from shared.errors import Invalid, Rejected
from shared.json_reading import read_json
from shared.legible import legible
from shared.lenient_json import read_leniently
from shared.names import is_blank, name_fault

MAX_INTAKE_HOPS = 8
"""A message that is itself the end of more events than this is a loop."""
HOUSE_HOPS = 8
"""Events that may follow one another in the house from one message. The longest chain has five: an incident is opened,
a problem takes it in, the incident is linked, its clocks are told of, and so are people. Both limits together are what
notify takes for no loop (`max_hops` in its settings), and far below `MAX_HOPS`, at which the chain would be cut."""
TIME = "time"
BODY = "body"
"""What stands for all of a message that is not JSON to the letter."""
_SHOWN = 80
_OPTIONAL = frozenset(
    {
        *("subject", "datacontenttype", "sequence", "correlationid", "causationid", "traceparent"),
        *("hops", "lane", "backfill", "restricted"),
    }
)
_BENT = ("alert.", "change.deployed")
"""How the types begin whose odd attributes count as absent."""


def read(body: bytes, now: datetime, *, sender: str | None = None, max_bytes: int = MAX_BYTES) -> Envelope:
    """The event that a message from outside brings; `now` is the time of one that is bent and says none.

    Raises as `shared.envelope.decode` does; it is yet to be judged by `check`.
    """
    check_size(body, max_bytes)
    document, adjusted = _read(body)
    if not isinstance(document, dict):
        return from_json(document)
    document = {name: value for name, value in document.items() if name not in _OPTIONAL or not _is_absent(value)}
    if not _is_bent(document.get("type")):
        return from_json(document, sender=sender)
    return _without_faults(document, now, sender, adjusted)


def _read(body: bytes) -> tuple[Any, dict[str, str | None]]:
    """The document, and what was wrong with the bytes of one that is bent."""
    try:
        return read_json(body), {}
    except Invalid as fault:
        document = read_leniently(body)
        if not isinstance(document, dict) or not _is_bent(document.get("type")):
            raise
        return document, {BODY: fault.message[:_SHOWN]}


def _without_faults(
    document: Mapping[str, Any], now: datetime, sender: str | None, adjusted: dict[str, str | None]
) -> Envelope:
    """The event with each attribute at fault left out, one after the other."""
    while True:
        try:
            envelope = from_json(document, sender=sender)
            check(envelope)
            return replace(envelope, adjusted=adjusted)
        except Invalid as error:
            name = (error.pointer or "").removeprefix("/")
            said = document.get(name)
            if name not in {*_OPTIONAL, TIME} - adjusted.keys() or _is_beyond(name, said):
                raise
            adjusted[name] = None if _is_absent(said) else legible(said)[:_SHOWN]
            document = {other: value for other, value in document.items() if other != name}
            document |= {TIME: format_instant(now)} if name == TIME else {}


def check(envelope: Envelope) -> None:
    """Raises Rejected (`hop-budget-exceeded`), or Invalid (`bad-envelope`) that names the attribute at fault.

    The texts that tell events, senders and trails apart must be such as people can read (CloudEvents 1.0, Type
    System: no control characters); what the house has stored before is not judged again.
    """
    if envelope.hops > MAX_INTAKE_HOPS:
        text = f"{envelope.hops} events led to this one: from outside {MAX_INTAKE_HOPS} may"
        raise Rejected(text, slug="hop-budget-exceeded", pointer="/hops")
    if envelope.sequence is not None and envelope.sequence > MAX_INTEGER:
        raise Invalid(f"sequence must not be above {MAX_INTEGER}", slug="bad-envelope", pointer="/sequence")
    for name in _TEXTS:
        value = getattr(envelope, name)
        fault = None if value is None else name_fault(value)
        if fault is not None:
            raise Invalid(f"{name} {fault}", slug="bad-envelope", pointer=f"/{name}")


_TEXTS = ("id", "source", "type", "correlationid", "causationid", "traceparent")


def _is_absent(value: Any) -> bool:
    return value is None or (isinstance(value, str) and is_blank(value))


def _is_beyond(name: str, value: Any) -> bool:
    """Whether it says that too many events led to this one, in a number that none here can be: a loop stays one."""
    return name == "hops" and isinstance(value, int | float) and value > MAX_INTAKE_HOPS


def _is_bent(type_: Any) -> bool:
    return isinstance(type_, str) and type_.startswith(_BENT)
