"""Options that several commands share."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from typing import Any

import click

json_option: Callable[[Any], Any] = click.option(
    "--json", "as_json", is_flag=True, help="Answer with JSON on standard output."
)
PAGE = 50
"""How many records a list shows, unless it is told otherwise."""


def next_page(command: str, **options: str | int | Sequence[str] | None) -> str:
    """The command line, for a shell, that shows the next page of the same list; options that are None are left out."""
    words = ["deskwire", command]
    for name, value in options.items():
        values = [] if value is None else value if isinstance(value, list | tuple) else [value]
        for text in map(str, values):
            # What begins with a hyphen would be read as an option of its own.
            words += [f"--{name}={text}"] if text.startswith("-") else [f"--{name}", text]
    return shlex.join(words)
