"""The fields of each event's data, and the rules by which they are refused before anything is sent or kept."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable

from deskwire_client import alerts
from deskwire_client.errors import InvalidField

Rule = Callable[[str, Any], None]


@dataclass(frozen=True)
class Field:
    """One field of an event's data."""

    rule: Rule
    required: bool = False


def text(longest: int = 255) -> Rule:
    """Text of 1 to `longest` characters."""

    def rule(name: str, value: Any) -> None:
        if not isinstance(value, str) or not value.strip():
            raise InvalidField(name, "must be text that is not empty")
        if len(value) > longest:
            raise InvalidField(name, f"has {len(value)} characters, {longest} are allowed")

    return rule


def readable(name: str, value: str) -> None:
    """What tells senders and events apart must show something, and hold no control characters: the desk refuses it."""
    categories = {unicodedata.category(letter) for letter in value}
    if categories <= {"Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Mn", "Me"}:
        raise InvalidField(name, "must show something: it only looks empty")
    if categories & {"Cc", "Zl", "Zp"}:
        raise InvalidField(name, "must not hold control characters")


def choice(*allowed: str) -> Rule:
    """One of the words in `allowed`."""

    def rule(name: str, value: Any) -> None:
        if value not in allowed:
            raise InvalidField(name, f"must be one of {', '.join(allowed)}; got {value!r}")

    return rule


def arguments(name: str, value: Any) -> None:
    """An object with text keys; its values are judged by the desk."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise InvalidField(name, "must be an object")


def flag(name: str, value: Any) -> None:
    """True or false."""
    if not isinstance(value, bool):
        raise InvalidField(name, f"must be true or false; got {value!r}")


def level(name: str, value: Any) -> None:
    """A support level."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 4:
        raise InvalidField(name, f"must be a whole number from 1 to 4; got {value!r}")


TITLE = 1000
DESCRIPTION = 32_000
REFERENCE = 200

_WHERE = {"ci": Field(text()), "service": Field(text())}
_HANDS = {"level": Field(level), "team": Field(text()), "person": Field(text())}
_DEGREE = choice("high", "medium", "low")
ACTIONS = (
    "assign",
    "escalate",
    "hand_back",
    "accept",
    "wait",
    "resume",
    "note",
    "prioritise",
    "resolve",
    "reopen",
    "close",
    "cancel",
    "link",
)

TYPES: Mapping[str, Mapping[str, Field]] = {
    "ticket.submitted": {
        "external_ref": Field(text(REFERENCE), required=True),
        "title": Field(text(TITLE), required=True),
        "description": Field(text(DESCRIPTION)),
        "requester": Field(text()),
        "channel": Field(text()),
        "kind": Field(choice("incident", "request")),
        "impact": Field(_DEGREE),
        "urgency": Field(_DEGREE),
        "category": Field(text()),
        "language": Field(text(35)),
        "organisation": Field(text()),
        "outage": Field(flag),
        **_WHERE,
        **_HANDS,
    },
    "ticket.action": {
        "external_ref": Field(text(REFERENCE)),
        "number": Field(text()),
        "action": Field(choice(*ACTIONS), required=True),
        "args": Field(arguments),
        **_HANDS,
    },
    "change.deployed": {
        "ci": Field(text()),
        "service": Field(text()),
        "version": Field(text(), required=True),
        "change": Field(text()),
        "pipeline": Field(text()),
        "by": Field(text()),
    },
}
"""The types that the desk takes in from outside and is strict about, with their fields; alerts are not (`alerts`)."""


def check(event_type: str, data: Mapping[str, Any]) -> None:
    """Raise InvalidField for the first field that breaks its rule, is missing, or that the type does not have."""
    if event_type not in TYPES:
        raise InvalidField("type", f"must be one of {', '.join([*sorted(alerts.TYPES), *TYPES])}; got {event_type!r}")
    fields = TYPES[event_type]
    for name, value in data.items():
        if name not in fields:
            raise InvalidField(name, f"is not a field of {event_type}: {', '.join(sorted(fields))}")
        fields[name].rule(name, value)
    for name, field in fields.items():
        if field.required and name not in data:
            raise InvalidField(name, f"is required by {event_type}")
    if event_type == "ticket.action" and ("external_ref" in data) == ("number" in data):
        raise InvalidField("external_ref", "either this or number names the ticket, and only one of them")
    if event_type == "change.deployed" and not ("service" in data or "ci" in data):
        raise InvalidField("service", "either this or ci says what was deployed")
