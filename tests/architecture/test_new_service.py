"""What `make new-service` writes is a service of the house: it passes the same checks as the others."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.new_service.writer import new_service, plural, prefix_of, render
from shared.errors import Invalid
from tests.architecture.sources import ROOT

COPIED = ("services", "shared", "deskwire", "deploy", "clients", "tests", "docs")
FILES = ("pyproject.toml", ".importlinter", "requirements.lock")


NAME = "lighthouse"
OWN = (f"services/{NAME}", f"tests/unit/{NAME}", f"tests/contract/test_{NAME}_publishes.py")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a copy of the repository in which a service was written."""
    root = tmp_path_factory.mktemp("copy")
    for folder in COPIED:
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in FILES:
        shutil.copy(ROOT / name, root / name)
    run(root, "-m", "deploy.new_service", NAME)
    return root


def run(root: Path, *arguments: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, *arguments], cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_passes_lint_and_format(copy: Path) -> None:
    run(copy, "-m", "ruff", "check", "--no-cache", *OWN)
    run(copy, "-m", "ruff", "format", "--no-cache", "--check", *OWN)


def test_it_passes_the_type_check(copy: Path) -> None:
    run(copy, "-m", "mypy", "--cache-dir", str(ROOT / ".mypy_cache" / "new-service"), *OWN)


def test_it_passes_its_own_tests_and_those_of_the_architecture(copy: Path) -> None:
    run(copy, "-m", "pytest", "tests/architecture", *OWN[1:], "--ignore", "tests/architecture/test_new_service.py")


@pytest.mark.parametrize("name", ["configuration_item", "policy", "box", "area"])
def test_names_of_every_kind_make_valid_files(name: str) -> None:
    for path, text in render(new_service(name, ROOT)).items():
        ast.parse(text, filename=path)


@pytest.mark.parametrize(
    "name", ["", "Asset", "my-asset", "a", "class", "_asset", "asset_", "intake", "incident", "2nd"]
)
def test_a_name_that_cannot_be_used_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        new_service(name, ROOT)


@pytest.mark.parametrize(("name", "prefix"), [("asset", "AST"), ("contract", "CNT"), ("area", "ARE"), ("aaa", "AXX")])
def test_numbers_begin_with_three_letters(name: str, prefix: str) -> None:
    assert prefix_of(name) == prefix


@pytest.mark.parametrize(
    ("one", "many"), [("asset", "assets"), ("policy", "policies"), ("box", "boxes"), ("day", "days")]
)
def test_plurals(one: str, many: str) -> None:
    assert plural(one) == many
