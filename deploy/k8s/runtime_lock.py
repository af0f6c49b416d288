"""The part of requirements.lock that a running service needs: `python runtime_lock.py requirements.lock`.

Development tools and the embedded database, whose licence is GPL-2.0, stay out of the image. The lock file itself
says why each package is there (`# via`), so what is kept is what the project's own dependencies lead to. Standard
library only: it runs before anything is installed.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

OWN = "deskwire (pyproject.toml)"
"""How the lock file calls the project's dependencies; those of a group have the group behind a colon."""
_ENTRY = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==", re.MULTILINE)
_WHY = re.compile(r"^    #(?: via)? +(?P<why>\S.*)$", re.MULTILINE)


def runtime(lock: str) -> str:
    """The entries that the project needs to run, with their hashes, in their order."""
    entries = dict(_entries(lock))
    kept: set[str] = set()
    while True:
        led = {name for name, text in entries.items() if ({OWN} | kept) & set(_WHY.findall(text))}
        if led == kept:
            return "".join(text for name, text in entries.items() if name in kept)
        kept = led


def _entries(lock: str) -> list[tuple[str, str]]:
    starts = [*_ENTRY.finditer(lock)]
    ends = [*(entry.start() for entry in starts[1:]), len(lock)]
    return [(entry["name"], lock[entry.start() : end]) for entry, end in zip(starts, ends, strict=True)]


if __name__ == "__main__":
    sys.stdout.write(runtime(Path(sys.argv[1]).read_text(encoding="utf-8")))
