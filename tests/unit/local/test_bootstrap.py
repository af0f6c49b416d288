"""The virtual environment and what it is made from."""

from __future__ import annotations

import ast
import importlib.util
import os
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import bootstrap
from deploy.local.folders import ROOT
from deploy.local.packages import ProgramMissing

Version = namedtuple("Version", "major minor micro")


def make_project(tmp_path: Path) -> Path:
    for name in ("requirements.lock", "pyproject.toml"):
        (tmp_path / name).write_text(name)
    return tmp_path


def test_a_changed_lock_file_renews_the_environment(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    before = bootstrap.fingerprint(project)
    assert bootstrap.fingerprint(project) == before
    (project / "requirements.lock").write_text("other")
    assert bootstrap.fingerprint(project) != before


def test_an_environment_that_is_up_to_date_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = make_project(tmp_path)
    (project / ".venv/bin").mkdir(parents=True)
    (project / ".venv/bin/deskwire").touch()
    (project / ".venv/lock.sha256").write_text(bootstrap.fingerprint(project))
    bootstrap.prepare(project)
    assert capsys.readouterr().out == ""


def test_a_python_that_is_too_old_is_told_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", Version(3, 9, 2))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProgramMissing, match=r"needs Python 3\.11 or newer; python3 here is 3\.9"):
        bootstrap.find_python()


def test_a_newer_python_in_the_path_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", Version(3, 9, 2))
    newer = tmp_path / "python3.12"
    newer.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert bootstrap.find_python() == str(newer)


def test_every_pinned_package_carries_hashes_and_no_address() -> None:
    text = (ROOT / "requirements.lock").read_text()
    pins = text.split("\n    --hash=")[0].count("==") and text.count("==")
    assert pins >= 60
    assert "://" not in text
    for entry in text.split("\n"):
        if "==" in entry and not entry.startswith((" ", "#")):
            assert entry.rstrip().endswith("\\")


OLDER = ("3.7", "3.8", "3.9", "3.10")
PARTS = ("deploy", "shared")


def imported(module: str = "deploy.local.bootstrap") -> dict[str, ast.Module]:
    """The modules of the house that importing `module` loads, each as a Python 3.7 reads it."""
    found: dict[str, ast.Module] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in found or name.partition(".")[0] not in PARTS:
            continue
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        found[name] = ast.parse(Path(spec.origin).read_text(), feature_version=(3, 7))
        waiting += [*_imports(found[name]), *_packages(name)]
    return found


def _packages(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)


def find_older(version: str) -> str | None:
    """A Python of that version that can be run here."""
    homes = [
        *os.environ.get("PATH", "").split(os.pathsep),
        *sorted(Path.home().glob(f".pyenv/versions/{version}*/bin")),
    ]
    for home in homes:
        found = Path(home) / f"python{version}"
        if found.exists() and not subprocess.run([found, "-c", "pass"], capture_output=True, check=False).returncode:
            return str(found)
    return None


def test_what_an_old_python_loads_uses_nothing_that_it_lacks() -> None:
    for name, tree in imported().items():
        assert not _packages_missing(tree), name
        for node in ast.walk(tree):
            assert not isinstance(node, ast.Match), name
            if isinstance(node, ast.Call):
                assert not {"slots", "kw_only", "missing_ok", "strict"} & {one.arg for one in node.keywords}, name


def _packages_missing(tree: ast.Module) -> set[str]:
    tops = {name.partition(".")[0] for name in _imports(tree)}
    return tops - set(sys.stdlib_module_names) - set(PARTS)


@pytest.mark.parametrize("version", OLDER)
def test_an_old_python_says_what_is_needed_and_nothing_else(version: str, tmp_path: Path) -> None:
    python = find_older(version)
    if python is None:
        pytest.skip(f"python{version} is not on this machine")
    code = (
        "import sys, pathlib; from deploy.local import bootstrap; "
        "bootstrap.ROOT = pathlib.Path(sys.argv[1]); sys.exit(bootstrap.main([]))"
    )
    done = subprocess.run(
        [python, "-B", "-c", code, str(make_project(tmp_path))],
        cwd=ROOT,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    sentence = (
        f"Deskwire needs Python 3.11 or newer; python3 here is {version}. Install python3.11 and run make again.\n"
    )
    assert (done.stdout, done.stderr) == ("", sentence)
