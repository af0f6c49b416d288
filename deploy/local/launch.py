"""Runs a module as a program once a file exists: `python -m deploy.local.launch GATE MODULE [ARGUMENT ...]`.

Its imports are done while it waits. They take most of a service's start, and the broker, which starts meanwhile,
leaves a core idle; that nothing runs before the topology is declared stays true.
"""

from __future__ import annotations

import importlib
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

# Bound before any module makes the standard library green.
from time import sleep

_POLL = 0.05


def main(arguments: Sequence[str]) -> None:
    """Import, wait, run. `shared.runner NAME` imports the service's door, too."""
    gate, module, *rest = arguments
    importlib.import_module(module)
    if module == "shared.runner":
        importlib.import_module(f"services.{rest[0]}.service")
    while not Path(gate).exists():
        sleep(_POLL)
    sys.argv[1:] = rest
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
