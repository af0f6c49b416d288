"""Every service has the same rooms, and each room keeps to its own work."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, SERVICES, attributes, files, imports, room, tree

ROOMS = ("events", "domain", "handlers", "schemas", "storage", "service")
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}
CLOCKS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "os.environ", "os.urandom"}
CHANCE = {"uuid", "random", "secrets", "time", "os", "threading", "socket"}
LINES = 275
"""About 250: past that a room has two subjects."""
FUNCTION_LINES = 60


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)
def test_a_service_that_publishes_has_every_room(service: Path) -> None:
    publishes = importlib.import_module(f"services.{service.name}.events").PUBLISHES
    needed = ROOMS if publishes else ("events", "service")
    assert [name for name in needed if not room(service, name)] == []


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)
def test_the_entrance_of_a_service_says_what_it_owns_and_does_nothing(service: Path) -> None:
    module = tree(service / "__init__.py")
    assert len(module.body) == 1
    words = (ast.get_docstring(module) or "").lower()
    assert [word for word in ("owns", "event") if word not in words] == []


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)
def test_an_events_file_names_its_exchange_and_each_event_once(service: Path) -> None:
    module = importlib.import_module(f"services.{service.name}.events")
    constants = [value for name, value in vars(module).items() if name.isupper() and isinstance(value, str)]
    assert f"{service.name}.events" == module.EXCHANGE
    assert [name for name in module.PUBLISHES if constants.count(name) != 1] == []
    assert [words for words in module.PUBLISHES.values() if not words.endswith(".")] == []


def test_the_rules_know_no_clock_and_no_chance() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for service in SERVICES
        for path in room(service, "domain")
        for name in [
            *(imported for imported in imports(path) if imported.split(".")[0] in CHANCE),
            *(used for _, used in attributes(path) if used in CLOCKS),
        ]
    ]
    assert found == []


def test_no_file_has_a_name_that_says_nothing() -> None:
    folders = ("services", "shared", "deskwire", "deploy", "clients", "bench")
    assert [path for path in files(*folders) if path.stem in VAGUE or path.parent.name in VAGUE] == []


def test_a_file_of_a_service_has_one_subject() -> None:
    long = [path for path in files("services") if len(path.read_text(encoding="utf-8").splitlines()) > LINES]
    assert [str(path.relative_to(ROOT)) for path in long] == []


def test_no_function_is_longer_than_a_screen() -> None:
    long = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in files("services", "shared", "deskwire", "deploy", "clients")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES
    ]
    assert long == []


def test_no_test_sleeps() -> None:
    """What is awaited is waited for, with a deadline. Engines of faults and probes may pace what they do."""
    tests = [path for path in files("tests") if path.stem.startswith(("test_", "conftest"))]
    sleeping = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in tests
        for line, used in attributes(path)
        if used.endswith(".sleep")
    ]
    named = [str(path.relative_to(ROOT)) for path in tests if any(one.endswith(".sleep") for one in imports(path))]
    assert sleeping + named == []


def test_every_file_of_shared_stands_in_the_architecture_page() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    files = [path.name for path in (ROOT / "shared").glob("*.py") if path.name != "__init__.py"]
    assert [name for name in files if f"`{name}`" not in page] == []
