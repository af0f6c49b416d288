"""What README.md, or another page, tells one to type, and what it says the terminal answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from deploy.local.folders import ROOT

README = ROOT / "README.md"
_BLOCK = re.compile(r"^```(console|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MASKS = (
    (re.compile(r"//sender:[^@]+@"), "//sender:<password>@"),
    (re.compile(r"\d+"), "0"),
    (re.compile(r"0(?:[0a-f]*-)+[0a-f]+"), "<id>"),
    (re.compile(r"\s+"), " "),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """One command, and the lines that follow it on the page; empty where it shows none."""

    command: str
    shown: tuple[str, ...] = ()


def typed(page: Path = README) -> tuple[Typed, ...]:
    """Every command of the page's `console` and `sh` blocks, in its order."""
    found: list[Typed] = []
    for kind, text in _BLOCK.findall(page.read_text(encoding="utf-8")):
        found += _console(text) if kind == "console" else [Typed(command=one) for one in _lines(text)]
    return tuple(found)


def mask(line: str) -> str:
    """A line without what differs from run to run: numbers, ids, passwords, the width of columns."""
    for pattern, word in _MASKS:
        line = pattern.sub(word, line)
    return line.strip()


def masked(lines: str) -> list[str]:
    """The lines that say something, masked and without their order: parts get ready in any."""
    return sorted(one for one in (mask(line) for line in lines.splitlines()) if one)


def _console(text: str) -> list[Typed]:
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    return [Typed(command=(lines := part.splitlines())[0], shown=tuple(lines[1:])) for part in parts]


def _lines(text: str) -> list[str]:
    """The commands of a block: a line that begins in its first column begins a command."""
    return [one.strip() for one in re.split(r"\n(?=\S)", text) if one.strip()]
