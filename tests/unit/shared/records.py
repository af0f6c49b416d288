"""A small kind of record, by which the repository and the audit are tried."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any

from shared.cause import Cause
from shared.envelope import Lane
from shared.event import Event
from shared.storage import Repository, Shape, Stored
from shared.testing import MemoryStore, make_cause, make_instant, make_unit_of_work
from shared.unit_of_work import UnitOfWork, Work


class State(Enum):
    NEW = "new"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    text: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    title: str
    state: State = State.NEW
    priority: str = "P3"
    secret: bool = False
    weight: float = 1.0
    steps: tuple[Step, ...] = ()
    parent: str | None = None


def snapshot(key: str, version: int, thing: Thing) -> dict[str, Any]:
    return {
        "number": key,
        "version": version,
        "state": thing.state.value,
        "priority": thing.priority,
        "title": thing.title,
    }


SHAPE = Shape(
    service="thing",
    collection="things",
    kind=Thing,
    snapshot=snapshot,
    lane=lambda thing: Lane.URGENT if thing.priority == "P1" else Lane.NORMAL,
    restricted=lambda thing: thing.secret,
)
THINGS = Repository(SHAPE)


def make_event(**overrides: Any) -> Event:
    return Event(**{"type": "thing.changed", "at": make_instant(), "change": {}, **overrides})


def make_thing(**overrides: Any) -> Thing:
    return Thing(**{"title": "a thing", **overrides})


def open_thing(unit: UnitOfWork, key: str = "T1", cause: Cause | None = None, **overrides: Any) -> Stored[Thing]:
    events = [make_event(type="thing.opened")]
    return unit.run(
        lambda work: THINGS.save(work, None, make_thing(**overrides), events, cause or make_cause(), key=key)
    )


def change_thing(unit: UnitOfWork, key: str = "T1", count: int = 1, **overrides: Any) -> Stored[Thing]:
    def block(work: Work) -> Stored[Thing]:
        stored = THINGS.get(work, key)
        events = [make_event(change={"step": step}) for step in range(count)]
        return THINGS.save(work, stored, replace(stored.state, **overrides), events, make_cause())

    return unit.run(block)


def make_history(*versions: int) -> MemoryStore:
    """A store with one thing for each number given, changed until it has that version."""
    store = MemoryStore()
    unit = make_unit_of_work(store)
    for number, version in enumerate(versions, start=1):
        open_thing(unit, f"T{number}")
        for change in range(version - 1):
            change_thing(unit, f"T{number}", title=f"change {change}")
    return store
