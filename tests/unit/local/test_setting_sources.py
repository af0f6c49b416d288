"""Of a setting that stands in two places it is told which counts, and nothing secret with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from deskwire.cli import cli
from deskwire.setting_sources import counting
from services.notify.settings import load, with_mail_server
from shared.config import SETTINGS_FOLDER, Settings

FILE = """
domain: deskwire.localhost
smtp: {host: 127.0.0.1, port: 2525, sender: desk@deskwire.localhost}
addresses: {ok: {email: ok@example.org}}
rules:
  - {name: r, events: [incident.opened], to: [ok], channel: email, subject: s, text: t}
"""


def told(environment: dict[str, str]) -> dict[str, str]:
    return {one.name: str(one) for one in counting(Settings.load(environment), environment)}


def write(folder: Path, text: str = FILE) -> dict[str, str]:
    file = folder / "notify.yaml"
    file.write_text(text)
    return {"DESKWIRE_NOTIFY_FILE": str(file)}


def mail_server(environment: dict[str, str]) -> tuple[str, int]:
    """What notify goes by."""
    settings = Settings.load(environment)
    smtp = with_mail_server(load(settings.notify_file), settings.smtp_host, settings.smtp_port).smtp
    return smtp.host, smtp.port


def test_the_file_counts_where_the_environment_says_nothing(tmp_path: Path) -> None:
    environment = write(tmp_path)
    assert mail_server(environment) == ("127.0.0.1", 2525)
    assert told(environment)["smtp.host"] == f"127.0.0.1, from smtp.host in {tmp_path}/notify.yaml"
    assert told(environment)["smtp.port"] == f"2525, from smtp.port in {tmp_path}/notify.yaml"


def test_the_environment_counts_before_the_file_each_for_itself(tmp_path: Path) -> None:
    environment = {**write(tmp_path), "SMTP_HOST": "mail.example"}
    assert mail_server(environment) == ("mail.example", 2525)
    place = f"smtp.host in {tmp_path}/notify.yaml"
    assert told(environment)["smtp.host"] == f"mail.example, from SMTP_HOST; not from {place}"


def test_the_default_counts_where_nobody_says_anything(tmp_path: Path) -> None:
    environment = write(tmp_path, FILE.replace("host: 127.0.0.1, port: 2525, ", ""))
    assert mail_server(environment) == ("localhost", 25)
    assert (told(environment)["smtp.host"], told(environment)["smtp.port"]) == (
        "localhost, from the default",
        "25, from the default",
    )


def test_a_settings_file_is_the_shipped_one_unless_the_environment_names_another(tmp_path: Path) -> None:
    shown = told(write(tmp_path))
    assert shown["DESKWIRE_NOTIFY_FILE"] == f"{tmp_path}/notify.yaml, from DESKWIRE_NOTIFY_FILE"
    assert shown["DESKWIRE_SLA_FILE"] == f"{SETTINGS_FOLDER}/sla.yaml, from the default"


def test_a_secret_is_told_by_its_place_and_never_shown(tmp_path: Path) -> None:
    secret = tmp_path / "uri"
    secret.write_text("amqp://desk:sesame@broker/x")
    shown = told({"AMQP_URI_FILE": str(secret), "AMQP_URI": "amqp://desk:topsecret@other/x"})
    assert shown["AMQP_URI"] == "amqp://desk@broker/x, from AMQP_URI_FILE; not from AMQP_URI"
    assert "sesame" not in str(shown)
    assert "topsecret" not in str(shown)


def run_doctor(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], *words: str) -> str:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return CliRunner().invoke(cli, ["doctor", *words], standalone_mode=False).output


def test_doctor_tells_it_in_words_and_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKWIRE_VAR", str(tmp_path))
    environment = {**write(tmp_path), "SMTP_PORT": "587"}
    findings = json.loads(run_doctor(monkeypatch, environment, "--json"))["findings"]
    (port,) = [one for one in findings if one["subject"] == "smtp.port"]
    assert (port["well"], port["source"]) == (True, "SMTP_PORT")
    assert "smtp.host" in run_doctor(monkeypatch, environment)


def test_doctor_names_the_faults_of_a_settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKWIRE_VAR", str(tmp_path))
    output = run_doctor(monkeypatch, write(tmp_path, "smtp: ["), "--json")
    (fault,) = [one for one in json.loads(output)["findings"] if one["subject"] == "settings file"]
    assert not fault["well"]
    assert "is not YAML" in fault["text"]
