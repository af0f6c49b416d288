"""Where things lie on one machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from deploy.local.root import ROOT

__all__ = ["ROOT", "Folders", "find_folders"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """The places of one installation. `var` holds all its data, and may lie anywhere."""

    root: Path
    var: Path

    @property
    def programs(self) -> Path:
        """The folder of the virtual environment's programs."""
        return self.root / ".venv" / "bin"

    @property
    def broker(self) -> Path:
        """The broker's data, settings and log."""
        return self.var / "broker"

    @property
    def database(self) -> Path:
        """The embedded database's data and log."""
        return self.var / "database"

    @property
    def logs(self) -> Path:
        """One JSON log a process."""
        return self.var / "log"

    @property
    def passwords(self) -> Path:
        """The broker users' passwords, readable by the owner alone."""
        return self.var / "secrets.json"

    @property
    def run_file(self) -> Path:
        """The addresses and process ids of the running stack; absent when none runs."""
        return self.var / "run.json"

    @property
    def addresses(self) -> Path:
        """The addresses with passwords in them, readable by the owner alone."""
        return self.var / "uris.json"

    @property
    def ports(self) -> Path:
        """The ports that were chosen, so that senders find the same ones after a restart."""
        return self.var / "ports.json"

    @property
    def gate(self) -> Path:
        """There once the topology is declared: processes that wait for it go on."""
        return self.var / "declared"

    @property
    def lock(self) -> Path:
        """Locked for as long as a stack runs on this `var`."""
        return self.var / "lock"


def find_folders(root: Path = ROOT) -> Folders:
    """The project's folders; `DESKWIRE_VAR` moves the data elsewhere."""
    chosen = os.environ.get("DESKWIRE_VAR", "").strip()
    return Folders(root=root, var=Path(chosen).resolve() if chosen else root / "var")
