"""The virtual environment and what it is made from."""

from __future__ import annotations

import sys
from collections import namedtuple
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
