"""The formats that can be replayed, one file each, found by name.

A format is a module here with one function, `events(rows) -> Iterator[Envelope]`. Rows are dicts of text in the file's
order. What it yields must be the same for the same rows, ids included, so that a second replay changes nothing;
`sequence` counts the events of one `external_ref` from 1 without a gap, and `backfill` is true.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import cast

from shared.envelope import Envelope
from shared.errors import Invalid

Row = Mapping[str, str]
Format = Callable[[Iterable[Row]], Iterator[Envelope]]


def names() -> tuple[str, ...]:
    """The names of all formats."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def find(name: str) -> Format:
    """The format of this name. Raises Invalid when there is none."""
    if name not in names():
        raise Invalid(f"there is no format {name!r}; there are: {', '.join(names())}", slug="unknown-format")
    return cast(Format, importlib.import_module(f"{__name__}.{name}").events)
