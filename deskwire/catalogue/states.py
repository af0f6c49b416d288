"""The state tables of the services' domains, found by their shape.

A table is a module-level mapping in `services/<name>/domain` whose keys are pairs of a state (or None, before there is
a record) and an action, both enumerations. Its values are the state it leads to, or an entry with that state as `to`
or `state`. A mapping of actions alone, named STARTS, makes records.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import ModuleType
from typing import Any

from deskwire.catalogue.house import modules


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a table. `before` is None where the action makes the record."""

    before: str | None
    action: str
    after: tuple[str, ...]
    required: tuple[str, ...]
    guards: tuple[str, ...]
    event: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The state table of one service, and where it stands."""

    service: str
    module: str
    entries: tuple[Entry, ...]


def tables(service: str) -> tuple[Table, ...]:
    """The tables of a service, in the order of its modules."""
    return tuple(table for module in modules(f"services.{service}.domain") if (table := _table(service, module)))


def _table(service: str, module: ModuleType) -> Table | None:
    mappings = [value for value in vars(module).values() if isinstance(value, Mapping)]
    pairs = [mapping for mapping in mappings if _is_table(mapping)]
    if not pairs or not _defined_here(pairs[0], module):
        return None
    starts = vars(module).get("STARTS", {})
    made = [_entry(None, action, target) for action, target in starts.items()]
    steps = [_entry(state, action, target) for (state, action), target in pairs[0].items()]
    return Table(service=service, module=module.__name__, entries=tuple(made + steps))


def _is_table(mapping: Mapping[Any, Any]) -> bool:
    return bool(mapping) and all(
        isinstance(key, tuple)
        and len(key) == 2
        and (key[0] is None or isinstance(key[0], Enum))
        and isinstance(key[1], Enum)
        and (isinstance(target, Enum) or _target(target) is not None)
        for key, target in mapping.items()
    )


def _defined_here(mapping: Mapping[Any, Any], module: ModuleType) -> bool:
    """Whether the table is this module's own and not imported: the enumeration of its actions is then near."""
    names = [name for name, value in vars(module).items() if value is mapping]
    annotations = getattr(module, "__annotations__", {})
    return any(name in annotations for name in names)


def _target(entry: Any) -> Enum | None:
    found = getattr(entry, "to", None) or getattr(entry, "state", None)
    return found if isinstance(found, Enum) else None


def _entry(state: Enum | None, action: Enum, target: Any) -> Entry:
    goal = target if isinstance(target, Enum) else _target(target)
    others = (getattr(target, "known", None), *getattr(target, "others", ()))
    after = [str(one.value) for one in (goal, *others) if isinstance(one, Enum)]
    return Entry(
        before=None if state is None else str(state.value),
        action=str(action.value),
        after=tuple(dict.fromkeys(after)),
        required=tuple(getattr(target, "required", ())),
        guards=tuple(_words(guard) for guard in getattr(target, "guards", ())),
        event=getattr(target, "event", None),
    )


def _words(guard: Any) -> str:
    return str(getattr(guard, "value", guard)).replace("_", " ")


def page(services: Iterable[str]) -> str:
    """docs/states.md: a drawing and a table for each service that has states."""
    found = [table for service in services for table in tables(service)]
    return "\n".join([HEAD, *(line for table in found for line in _section(table))]).rstrip() + "\n"


HEAD = """# States

Written by `make docs` from the tables in the services' domains; do not edit. What is not in a table is refused.
Actions that leave a record in its state stand in the tables only.
"""


def _section(table: Table) -> Iterator[str]:
    yield f"## {table.service}\n"
    yield f"From `{table.module}`.\n"
    yield "```mermaid\nstateDiagram-v2"
    yield from _drawing(table)
    yield "```\n"
    yield "| state | action | leads to | needs | condition | event |\n|---|---|---|---|---|---|"
    for entry in table.entries:
        event = f"`{entry.event}`" if entry.event else ""
        needs = ", ".join(f"`{name}`" for name in entry.required)
        cells = [
            entry.before or "(none)",
            f"`{entry.action}`",
            " or ".join(entry.after),
            needs,
            ", ".join(entry.guards),
        ]
        yield f"| {' | '.join([*cells, event])} |"
    yield ""


def _drawing(table: Table) -> Iterator[str]:
    arrows: dict[tuple[str, str], list[str]] = {}
    for entry in table.entries:
        for after in entry.after:
            if after != entry.before:
                arrows.setdefault((entry.before or "[*]", after), []).append(entry.action)
    for (before, after), actions in arrows.items():
        yield f"    {before} --> {after}: {', '.join(dict.fromkeys(actions))}"
