"""What the environment may say of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local.choices import BadChoice, Choices


def test_without_a_word_everything_is_ours() -> None:
    assert Choices.read({}) == Choices()


def test_an_empty_variable_says_nothing() -> None:
    assert Choices.read({"AMQP_URI": "", "DESKWIRE_AMQP_PORT": ""}) == Choices()


@pytest.mark.parametrize("blank", ["", " ", "\n"])
def test_a_blank_variable_says_nothing(blank: str) -> None:
    names = ("AMQP_URI", "MONGODB_URI", "AMQP_URI_FILE", "DESKWIRE_AMQP_PORT", "DESKWIRE_BIND", "DESKWIRE_OPS_BASE")
    assert Choices.read(dict.fromkeys(names, blank)) == Choices()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DESKWIRE_AMQP_PORT", "\u0662\u0665\u0666\u0667"),
        ("DESKWIRE_OPS_BASE", "9" * 5000),
        ("DESKWIRE_BIND", "not a host"),
        ("DESKWIRE_BIND", "[::1]"),
    ],
)
def test_what_is_no_port_or_host_is_named(name: str, text: str) -> None:
    with pytest.raises(BadChoice, match=name):
        Choices.read({name: text})


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "uri").write_bytes(b"amqp://\xff")
    with pytest.raises(BadChoice, match="AMQP_URI_FILE names"):
        Choices.read({"AMQP_URI_FILE": str(tmp_path / "uri")})


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(BadChoice) as caught:
        Choices.read({"AMQP_URI": "http://x", "DESKWIRE_AMQP_PORT": "80", "DESKWIRE_OPS_BASE": "many"})
    for name in ("AMQP_URI", "DESKWIRE_AMQP_PORT", "DESKWIRE_OPS_BASE"):
        assert name in caught.value.message


def test_an_address_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "uri").write_text("amqp://broker/\n")
    assert Choices.read({"AMQP_URI_FILE": str(tmp_path / "uri")}).amqp_uri == "amqp://broker/"


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(BadChoice, match="MONGODB_URI_FILE names /nowhere"):
        Choices.read({"MONGODB_URI_FILE": "/nowhere"})
