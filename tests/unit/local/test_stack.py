"""Which processes there are and what each is told."""

from __future__ import annotations

from deploy.local.stack import Addresses, ops_ports, plan

EIGHT = ("change", "directory", "gateway", "incident", "knowledge", "notify", "problem", "sla")


def make_addresses(*extra: str) -> Addresses:
    users = (*EIGHT, *extra, "relay", "operator", "sender")
    return Addresses(amqp={user: f"amqp://{user}@broker/" for user in users}, mongodb="mongodb://database/")


def test_the_ops_ports_are_those_of_the_contract() -> None:
    assert ops_ports(EIGHT, 9700) == {
        "gateway": 9700,
        "incident": 9701,
        "problem": 9702,
        "change": 9703,
        "sla": 9704,
        "notify": 9705,
        "knowledge": 9706,
        "directory": 9707,
        "relay": 9708,
    }


def test_a_new_service_follows_and_moves_nobody() -> None:
    ports = ops_ports((*EIGHT, "asset"), 9800)
    assert ports["asset"] == 9809
    assert ports["relay"] == 9808


def test_a_process_gets_the_address_of_its_own_user() -> None:
    for one in plan((*EIGHT, "asset"), 9700, make_addresses("asset")):
        assert one.environment["AMQP_URI"] == f"amqp://{one.name}@broker/"
        assert one.environment["DESKWIRE_OPS_PORT"] == str(one.ops_port)


def test_each_process_runs_its_module() -> None:
    modules = {one.name: one.module for one in plan(EIGHT, 9700, make_addresses())}
    assert modules["incident"] == ("shared.runner", "incident")
    assert modules["gateway"] == ("services.gateway.service",)
    assert modules["relay"] == ("shared.relay",)


def test_only_the_relay_outlasts_the_services() -> None:
    assert [one.name for one in plan(EIGHT, 9700, make_addresses()) if one.last_to_stop] == ["relay"]


def test_a_broker_of_somebody_else_has_one_address_for_all() -> None:
    addresses = Addresses.of_one("amqp://theirs/", "mongodb://database/", EIGHT)
    assert {one.environment["AMQP_URI"] for one in plan(EIGHT, 9700, addresses)} == {"amqp://theirs/"}
