"""What `deskwire doctor` says of settings that are wrong: everything, and it ends."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deploy.local import database
from deploy.local.folders import ROOT, Folders, find_folders
from deskwire import checks, setting_files
from deskwire.checks import Finding
from shared.config import SETTINGS_FILES


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("DESKWIRE_", "AMQP_", "MONGODB_", "SMTP_")):
            monkeypatch.delenv(name)


def make_folders(var: Path) -> Folders:
    return Folders(root=ROOT, var=var)


def bad(findings: list[Finding]) -> list[str]:
    return [finding.text for finding in findings if not finding.well]


def test_every_settings_file_has_a_reader() -> None:
    assert set(setting_files.READERS) == set(SETTINGS_FILES.values())


def test_the_house_as_it_comes_has_nothing_wrong_in_its_settings(tmp_path: Path) -> None:
    assert bad(checks.settings(make_folders(tmp_path))) == []


@pytest.mark.parametrize("variable", sorted(SETTINGS_FILES))
@pytest.mark.parametrize("content", [b"nosuch: 1\n", b"a: [", b"\xff"])
def test_a_settings_file_that_its_service_refuses_is_a_finding(
    variable: str, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings.yaml"
    file.write_bytes(content)
    monkeypatch.setenv(variable, str(file))
    (fault,) = bad(checks.settings(make_folders(tmp_path)))
    assert fault.startswith(f"{variable}: {file}: ")
    assert bad(checks.sources(make_folders(tmp_path))) == []


def test_a_wrong_port_in_the_address_of_a_database_is_no_answer() -> None:
    assert not database.answers("mongodb://a:b@h:x/", 0.1)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("MONGODB_URI", "mongodb://a:s3cret@h:x/"),
        ("AMQP_URI", "amqp://a:s3cret@h:x/"),
        ("AMQP_URI", "http://a:s3cret@h/"),
        ("DESKWIRE_RETRY_LADDER", "1,1e30"),
        ("DESKWIRE_VAR", "/dev/null"),
        ("DESKWIRE_VAR", "/dev/null/deeper"),
        ("DESKWIRE_MANAGEMENT", "http://a:s3cret@h:x"),
    ],
)
def test_a_wrong_value_is_told_of_and_ends_nothing(name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, text)
    findings = checks.examine(find_folders())
    assert bad(findings)
    assert not [finding for finding in findings if "s3cret" in f"{finding.text}{finding.advice}"]
    assert {"python", "settings", "database"} <= {finding.subject for finding in findings}


@pytest.mark.parametrize("blank", ["", " "])
def test_a_blank_address_is_none(blank: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AMQP_URI", "MONGODB_URI", "AMQP_URI_FILE", "MONGODB_URI_FILE"):
        monkeypatch.setenv(name, blank)
    (finding,) = checks.database_(make_folders(tmp_path))
    assert "can be started" in finding.text


def test_a_check_that_trips_is_a_finding_without_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def odd(_: Folders) -> list[Finding]:
        raise ValueError("s3cret")

    monkeypatch.setattr(checks, "CHECKS", (odd,))
    assert bad(checks.examine(make_folders(tmp_path))) == ["could not be looked at: ValueError"]
