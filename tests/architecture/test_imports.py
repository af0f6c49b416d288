"""Who may import whom."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, SERVICES, files, imports, room

DOMAIN_MAY = ("shared.errors.", "shared.event.", "shared.keys.", "shared.names.")
EVENTS_MAY: tuple[str, ...] = ()
HANDLERS_MAY = ("shared.",)


def test_the_contracts_in_importlinter_are_kept() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    run = subprocess.run([*command, "--no-cache"], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    ("name", "allowed"), [("events", EVENTS_MAY), ("domain", DOMAIN_MAY), ("handlers", HANDLERS_MAY)]
)
def test_the_core_imports_the_standard_library_and_little_else(name: str, allowed: tuple[str, ...]) -> None:
    strangers = [
        f"{path.relative_to(ROOT)}: {imported}"
        for service in SERVICES
        for path in room(service, name)
        for imported in imports(path)
        if not _is_standard(imported) and not imported.startswith((f"services.{service.name}", *allowed))
    ]
    assert strangers == []


def test_the_client_needs_nothing_but_pika() -> None:
    strangers = {
        imported
        for path in files("clients/deskwire_client")
        for imported in imports(path)
        if not _is_standard(imported) and imported.split(".")[0] not in ("deskwire_client", "pika")
    }
    assert strangers == set()


def test_nothing_imports_the_embedded_database() -> None:
    users = [path for path in files("services", "shared", "deskwire", "deploy") if _uses(path, "secantusdb")]
    assert users == []


def _uses(path: Path, package: str) -> bool:
    return any(imported.split(".")[0] == package for imported in imports(path))


def _is_standard(imported: str) -> bool:
    return imported.split(".")[0] in sys.stdlib_module_names
