"""What the house publishes and takes in: one entry for each type of event, with where it was read."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from marshmallow import Schema

from shared.topology import INTAKE, catalogue, events_exchange, matches

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = Path("tests", "contract", "samples")

INTAKE_TYPES: Mapping[str, str] = {
    "alert.firing": "A monitor reports that something is wrong; the same `dedup_key` joins the one open incident.",
    "alert.resolved": "A monitor reports that what it reported under this `dedup_key` is over.",
    "ticket.submitted": "Another system submits a ticket under its own reference; what a later one says changes it.",
    "ticket.action": "Another system acts on a ticket; `time` is when it was done there.",
    "change.deployed": "A pipeline reports that a version was deployed.",
}
"""What foreign systems may send, with one sentence each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType:
    """One type of event. `owner` is the service that publishes it, or `intake`; `sample` is its golden sample."""

    name: str
    owner: str
    sentence: str
    exchange: str
    consumers: tuple[str, ...]
    sample: Mapping[str, Any] | None
    schema: type[Schema] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service: its docstring and its events."""

    name: str
    words: str
    events: tuple[EventType, ...]


def services(root: Path = ROOT) -> tuple[Service, ...]:
    """Every service in the order of names."""
    return tuple(_service(one.service, one.publishes, root) for one in catalogue())


def intake(root: Path = ROOT) -> tuple[EventType, ...]:
    """What comes in from outside: the types that some service consumes from the intake."""
    consumed = {name for one in catalogue() for name in one.consumes.get("intake", ())}
    return tuple(
        EventType(
            name=name,
            owner="intake",
            sentence=INTAKE_TYPES.get(name, ""),
            exchange=INTAKE,
            consumers=_consumers("intake", name),
            sample=sample(name, root),
            schema=_schema_of(name),
        )
        for name in sorted(consumed)
    )


def sample(name: str, root: Path = ROOT) -> Mapping[str, Any] | None:
    """The golden sample of a type, where there is one."""
    path = root / SAMPLES / f"{name}.json"
    if not path.is_file():
        return None
    document: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def modules(package: str) -> Iterator[ModuleType]:
    """A module, or a package with all modules below it; nothing where there is none."""
    try:
        module = importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        return
    yield module
    for found in pkgutil.iter_modules(getattr(module, "__path__", ())):
        yield from modules(f"{package}.{found.name}")


def _service(name: str, publishes: Mapping[str, str], root: Path) -> Service:
    words = importlib.import_module(f"services.{name}").__doc__ or ""
    events = tuple(
        EventType(
            name=event,
            owner=name,
            sentence=sentence,
            exchange=events_exchange(name),
            consumers=_consumers(name, event),
            sample=sample(event, root),
        )
        for event, sentence in publishes.items()
    )
    return Service(name=name, words=words.strip(), events=events)


def _consumers(producer: str, event: str) -> tuple[str, ...]:
    return tuple(
        one.service for one in catalogue() if any(matches(pattern, event) for pattern in one.consumes.get(producer, ()))
    )


def _schema_of(event: str) -> type[Schema] | None:
    """The schema of foreign data: the one whose docstring names the type, in the service that consumes it."""
    found = [schema for service in _consumers("intake", event) for schema in _schemas(service) if _names(schema, event)]
    return found[0] if found else None


def _schemas(service: str) -> Iterable[type[Schema]]:
    for module in modules(f"services.{service}.schemas"):
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Schema) and value.__module__ == module.__name__:
                yield value


def _names(schema: type[Schema], event: str) -> bool:
    return event in re.findall(r"`([a-z_.]+)`", schema.__doc__ or "")
