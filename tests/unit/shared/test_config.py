"""Settings: judged as a whole, secrets from files, nothing secret in a message."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.config import _READERS, Settings, SettingsError
from shared.retry import LADDER

WRONG = {
    "AMQP_URI": "http://sender:topsecret@broker/",
    "MONGODB_URI": "mysql://desk:topsecret@database/",
    "LOG_LEVEL": "loud",
    "LOG_FORMAT": "xml",
    "TZ": "Mars/Olympus",
    "DESKWIRE_OPS_PORT": "70000",
    "DESKWIRE_BATCH": "0",
    "DESKWIRE_MAX_EVENT_BYTES": "many",
    "DESKWIRE_RETRY_LADDER": "10,1",
    "DESKWIRE_RETRY_ATTEMPTS": "none",
    "DESKWIRE_INBOX_DAYS": "1.5",
    "DESKWIRE_JOURNAL_DAYS": "-1",
    "DESKWIRE_ANCHOR_SECONDS": "nan",
    "DESKWIRE_RELAY_POLL_SECONDS": "inf",
    "DESKWIRE_MANAGEMENT": "amqp://desk:topsecret@broker/",
    "DESKWIRE_STOP_SECONDS": "soon",
    "DESKWIRE_RPC_TIMEOUT": "0",
    "DESKWIRE_NUMBER_BLOCK": "0",
    "DESKWIRE_INCIDENT_FILE": "/nowhere/incident.yaml",
    "DESKWIRE_SLA_FILE": "/",
    "SMTP_PORT": "x",
}


def message_of(environment: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as caught:
        Settings.load(environment)
    assert caught.value.slug == "bad-settings"
    return caught.value.message


def test_an_empty_environment_is_a_working_one() -> None:
    settings = Settings.load({})
    assert settings.retry_ladder == LADDER
    assert (settings.batch, settings.database_prefix, settings.timezone) == (100, "deskwire_", "UTC")


def test_what_a_settings_file_says_too_has_no_default_that_would_hide_it() -> None:
    for environment in ({}, {"SMTP_HOST": "", "SMTP_PORT": " "}):
        settings = Settings.load(environment)
        assert (settings.smtp_host, settings.smtp_port) == (None, None)
    given = Settings.load({"SMTP_HOST": "mail.example", "SMTP_PORT": "2525"})
    assert (given.smtp_host, given.smtp_port) == ("mail.example", 2525)


@pytest.mark.parametrize("variable", sorted(name for name, _ in _READERS.values()))
@pytest.mark.parametrize("end", ["", "_FILE"])
@pytest.mark.parametrize("blank", ["", " ", "\n"])
def test_a_blank_variable_is_none(variable: str, end: str, blank: str) -> None:
    assert Settings.load({f"{variable}{end}": blank}) == Settings.load({})


def test_what_stands_around_a_value_does_not_count() -> None:
    settings = Settings.load({"SMTP_HOST": " mail.example.org ", "AMQP_URI": "amqp://broker/\n"})
    assert (settings.smtp_host, settings.amqp_uri) == ("mail.example.org", "amqp://broker/")


@pytest.mark.parametrize("variable", ["SMTP_HOST", "DESKWIRE_OPS_HOST"])
@pytest.mark.parametrize(
    "text", ["mail.example.org:2525", "mail..example", "smtp://mail", "[::1]", "a b", "not a host", "a" * 64, "a\nb"]
)
def test_a_host_is_a_name_or_an_ip_address(variable: str, text: str) -> None:
    assert message_of({variable: text}).startswith(f"{variable}: ")


@pytest.mark.parametrize("text", ["mail.example.org.", "my_mail", "192.0.2.1", "::1", "0.0.0.0"])
def test_a_host_of_any_kind_is_taken(text: str) -> None:
    settings = Settings.load({"SMTP_HOST": text, "DESKWIRE_OPS_HOST": text})
    assert (settings.smtp_host, settings.ops_host) == (text, text)


@pytest.mark.parametrize("variable", ["SMTP_PORT", "DESKWIRE_OPS_PORT", "DESKWIRE_BATCH", "DESKWIRE_RPC_TIMEOUT"])
@pytest.mark.parametrize("text", ["2_5", "\u0662\u0665", "\uff12", "2 5", "0x19"])
def test_a_number_is_written_in_plain_digits(variable: str, text: str) -> None:
    assert message_of({variable: text}).startswith(f"{variable}: ")


@pytest.mark.parametrize("text", ["a b/$", "a.b", "d" * 41, "\u00fc", 'a"b', "$"])
def test_a_prefix_makes_names_that_a_database_takes(text: str) -> None:
    assert message_of({"DESKWIRE_DATABASE_PREFIX": text}).startswith("DESKWIRE_DATABASE_PREFIX: ")


@given(name=st.sampled_from(sorted(name for name, _ in _READERS.values())), text=st.text())
@example(name="DESKWIRE_RETRY_LADDER", text="1,1e400")
@example(name="DESKWIRE_BATCH", text="9" * 5000)
@example(name="DESKWIRE_SLA_FILE", text="a\0b")
@example(name="DESKWIRE_SLA_FILE", text="a" * 5000)
@example(name="TZ", text="a\0b")
@example(name="DESKWIRE_DOORBELL", text="a:1e9")
def test_no_value_breaks_the_reading(name: str, text: str) -> None:
    with contextlib.suppress(SettingsError):
        Settings.load({name: text})
        Settings.load({f"{name}_FILE": text})


def test_every_fault_is_named_at_once() -> None:
    faults = message_of(WRONG).split("; ")
    assert {fault.split(":")[0] for fault in faults} == set(WRONG)
    assert len(faults) == len(WRONG)


def test_a_right_value_beside_wrong_ones_is_not_named() -> None:
    assert message_of({"DESKWIRE_BATCH": "0", "SMTP_PORT": "25"}).startswith("DESKWIRE_BATCH: ")
    assert "SMTP_PORT" not in message_of({"DESKWIRE_BATCH": "0", "SMTP_PORT": "25"})


def test_no_message_shows_a_secret(tmp_path: Path) -> None:
    file = tmp_path / "uri"
    file.write_text("http://sender:topsecret@broker/")
    assert "topsecret" not in message_of(WRONG)
    assert "topsecret" not in message_of({"AMQP_URI_FILE": str(file)})


@pytest.mark.parametrize("variable", ["AMQP_URI", "MONGODB_URI"])
def test_a_secret_is_read_from_the_file_that_its_twin_names(variable: str, tmp_path: Path) -> None:
    scheme = "amqp" if variable == "AMQP_URI" else "mongodb"
    file = tmp_path / "secret"
    file.write_text(f"{scheme}://user:from-the-file@host/\n")
    settings = Settings.load({f"{variable}_FILE": str(file), variable: f"{scheme}://user:plain@host/"})
    assert f"{scheme}://user:from-the-file@host/" in (settings.amqp_uri, settings.mongodb_uri)


@pytest.mark.parametrize("variable", sorted(name for name, _ in _READERS.values()))
def test_a_twin_that_names_no_file_is_a_fault(variable: str, tmp_path: Path) -> None:
    assert message_of({f"{variable}_FILE": str(tmp_path / "missing")}).startswith(f"{variable}: ")
    assert message_of({f"{variable}_FILE": str(tmp_path)}).startswith(f"{variable}: ")


@pytest.mark.parametrize(
    ("text", "steps"), [("1", [1.0]), ("0.1,0.2,30", [0.1, 0.2, 30.0]), ("1, 10 ,60", [1.0, 10.0, 60.0])]
)
def test_a_ladder_is_rising_seconds(text: str, steps: list[float]) -> None:
    ladder = Settings.load({"DESKWIRE_RETRY_LADDER": text}).retry_ladder
    assert ladder == tuple(timedelta(seconds=step) for step in steps)


@pytest.mark.parametrize(
    "text",
    [
        *("0", "-1,2", "2,1", "1,1", "1,a", "0.0001", "1,1.0001", "nan", "1,inf"),
        *("1,1e30", "1,4294968", "1_0", ",", "\u0662"),
    ],
)
def test_a_ladder_that_does_not_rise_or_has_two_steps_of_one_name_is_a_fault(text: str) -> None:
    assert message_of({"DESKWIRE_RETRY_LADDER": text}).startswith("DESKWIRE_RETRY_LADDER: ")


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Settings.load({}).batch = 1  # type: ignore[misc]


def test_the_readers_cover_every_setting_once() -> None:
    assert set(_READERS) == set(Settings.__dataclass_fields__)
    variables = [variable for variable, _ in _READERS.values()]
    assert len(set(variables)) == len(variables)
