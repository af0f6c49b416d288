"""Writes docs/events.md, docs/asyncapi.json and docs/states.md; with `--check` only says which are out of date."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

from deskwire.catalogue import events_page, states
from deskwire.catalogue.asyncapi import document
from deskwire.catalogue.house import ROOT, intake, services


def pages(root: Path = ROOT) -> Mapping[str, str]:
    """The generated files by their path below the root."""
    version = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    house, foreign = services(root), intake(root)
    api = document(house, foreign, version)
    return {
        "docs/events.md": events_page.page(house, foreign, api["components"]["schemas"]),
        "docs/asyncapi.json": json.dumps(api, indent=2, ensure_ascii=False) + "\n",
        "docs/states.md": states.page(tuple(service.name for service in house)),
    }


def stale(root: Path = ROOT) -> list[str]:
    """The generated files that differ from what would be written now."""
    return [name for name, text in pages(root).items() if _read(root / name) != text]


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def main(arguments: list[str]) -> int:
    """Write the pages, or check them. Returns the exit code: 1 when a page is out of date."""
    if "--check" in arguments:
        names = stale()
        for name in names:
            print(f"{name} is out of date: run make docs")
        return 1 if names else 0
    for name, text in pages().items():
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"wrote {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
