"""The repository's Python files as the architecture tests look at them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVICES = tuple(sorted(path.parent for path in (ROOT / "services").glob("*/__init__.py")))


def files(*folders: str) -> list[Path]:
    """The Python files below these folders."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def tree(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(path: Path) -> Iterator[str]:
    """The full names of what a file imports: `shared.errors.Invalid`, `datetime.datetime`, `uuid`."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def attributes(path: Path) -> Iterator[tuple[int, str]]:
    """Every dotted use of a name with its line: `(12, "datetime.now")`."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield node.lineno, f"{node.value.id}.{node.attr}"


def room(service: Path, name: str) -> list[Path]:
    """The files of a room, whether it is one file or a package."""
    single = service / f"{name}.py"
    return [single] if single.is_file() else sorted((service / name).rglob("*.py"))
