"""Ports: the known ones, the remembered ones, the chosen ones."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from deploy.local import ports
from deploy.local.ports import AMQP, PortTaken


def free_but(*taken: int):
    return lambda port: port not in taken


def test_the_known_port_is_taken_when_it_is_free() -> None:
    assert ports.choose(AMQP, explicit=None, remembered=None, free=free_but()) == 5672


def test_the_next_free_port_is_taken_beside_another_broker() -> None:
    assert ports.choose(AMQP, explicit=None, remembered=None, free=free_but(5672, 5673)) == 5674


def test_the_remembered_port_stays_although_the_known_one_is_free_again() -> None:
    assert ports.choose(AMQP, explicit=None, remembered=5674, free=free_but()) == 5674


def test_a_port_that_was_asked_for_is_never_replaced_by_another() -> None:
    with pytest.raises(PortTaken, match="DESKWIRE_AMQP_PORT says 5690, but another program listens there"):
        ports.choose(AMQP, explicit=5690, remembered=None, free=free_but(5690))


def test_a_machine_without_a_free_port_is_told() -> None:
    with pytest.raises(PortTaken, match="All ports from 5672 to 5699 are taken"):
        ports.choose(AMQP, explicit=None, remembered=None, free=lambda _: False)


def test_every_taken_ops_port_is_named_with_what_to_do() -> None:
    wanted = [("incident", 9701), ("sla", 9704), ("relay", 9708)]
    with pytest.raises(PortTaken, match=r"9701 \(incident\), 9708 \(relay\).*DESKWIRE_OPS_BASE=9800"):
        ports.require_free(wanted, "DESKWIRE_OPS_BASE", free=free_but(9701, 9708))


def test_a_listening_port_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not ports.is_free(port)
        assert ports.listens(port)
    assert ports.is_free(port)


def test_choices_are_remembered_and_damage_is_forgotten(tmp_path: Path) -> None:
    file = tmp_path / "var" / "ports.json"
    ports.remember(file, {"amqp": 5673})
    assert ports.recall(file) == {"amqp": 5673}
    file.write_text("[]")
    assert ports.recall(file) == {}
