"""Addresses as people may see them."""

from __future__ import annotations

import pytest

from deploy.local.amqp import fault, for_senders, without_password
from deploy.local.backing import Backing
from deploy.local.folders import find_folders
from deploy.local.stack import Addresses, plan
from deskwire.commands.up import _tell
from deskwire.console import Voice

AMQP = "amqps://admin:s3cret@broker.example:5671/itsm"
MONGODB = "mongodb://admin:s3cret@a.example,b.example/?replicaSet=rs&tlsCertificateKeyFilePassword=s3cret"


def make_backing() -> Backing:
    """A broker and a database that somebody else runs."""
    return Backing(broker=None, database=None, addresses=Addresses.of_one(AMQP, MONGODB, ("sla",)))


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        (AMQP, "amqps://admin@broker.example:5671/itsm"),
        ("amqp://broker/", "amqp://broker/"),
        ("amqp://admin:s3@cret@broker/", "amqp://admin@broker/"),
        ("amqp://admin:s3/cret@broker/", "amqp://admin@broker/"),
        ("amqp://admin:s3?cret@broker/", "amqp://admin@broker/"),
        (MONGODB, "mongodb://admin@a.example,b.example/"),
        ("mongodb://a/?tlsCertificateKeyFilePassword=s3cret", "mongodb://a/"),
    ],
)
def test_an_address_is_shown_without_its_passwords(uri: str, shown: str) -> None:
    assert without_password(uri) == shown


def test_what_a_broken_address_quotes_is_not_told() -> None:
    assert "s3" not in str(fault("amqp://admin:s3/cret@broker/"))


def test_senders_are_told_a_user_of_their_own() -> None:
    assert for_senders(AMQP) == "amqps://sender:<password>@broker.example:5671/itsm"
    assert for_senders("amqp://broker/") == "amqp://sender:<password>@broker/"


@pytest.mark.parametrize("as_json", [True, False])
def test_a_start_on_parts_of_somebody_else_prints_no_password_of_theirs(
    as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    backing = make_backing()
    _tell(Voice(as_json=as_json), find_folders(), plan(("sla",), 9700, backing.addresses), backing)
    said = capsys.readouterr().out
    assert "s3cret" not in said
    assert "amqps://sender:<password>@broker.example:5671/itsm" in said


def test_people_are_told_to_make_a_user_for_senders(capsys: pytest.CaptureFixture[str]) -> None:
    backing = make_backing()
    _tell(Voice(as_json=False), find_folders(), plan(("sla",), 9700, backing.addresses), backing)
    assert "Make that user on your broker" in capsys.readouterr().out
