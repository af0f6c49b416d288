"""Which processes make up Deskwire on one machine, and what each is told. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from deploy.local.access import OPERATOR, RELAY, SENDER

OPS_ORDER = ("gateway", "incident", "problem", "change", "sla", "notify", "knowledge", "directory", RELAY)
"""The ops port of each is the base plus its place here; services added later follow by name."""

OWN_DOOR = {"gateway": "services.gateway.service"}
"""Services that are no nameko service: the module that is run instead of `shared.runner <name>`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the broker (one URI for each of its users), its management API if there is one, and the database are."""

    amqp: Mapping[str, str]
    mongodb: str
    management: str = ""

    @classmethod
    def of_one(cls, amqp_uri: str, mongodb: str, services: Iterable[str]) -> Addresses:
        """With a broker that somebody else runs: the same address for all."""
        users = (*services, RELAY, OPERATOR, SENDER)
        return cls(amqp=dict.fromkeys(users, amqp_uri), mongodb=mongodb)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One process: its name, the module and arguments it runs, its ops port and its environment."""

    name: str
    module: tuple[str, ...]
    ops_port: int
    environment: Mapping[str, str]

    @property
    def last_to_stop(self) -> bool:
        """The relay stops after the services, so that it still sends what they stored last."""
        return self.name == RELAY


def ops_ports(services: Iterable[str], base: int) -> dict[str, int]:
    """The ops port of each service and of the relay."""
    known = {name: base + place for place, name in enumerate(OPS_ORDER)}
    names = sorted(services)
    added = [name for name in names if name not in known]
    places = {**known, **{name: base + len(OPS_ORDER) + place for place, name in enumerate(added)}}
    return {name: places[name] for name in sorted([*names, RELAY], key=lambda name: places[name])}


def plan(services: Iterable[str], base: int, addresses: Addresses) -> tuple[Plan, ...]:
    """The processes, in order of their ops ports. Each gets the broker's address of its own user and no other."""
    ports = ops_ports(services, base)
    doorbell = f"127.0.0.1:{ports[RELAY]}"
    return tuple(
        Plan(
            name=name,
            module=_module(name),
            ops_port=port,
            environment={**_environment(name, port, addresses), "DESKWIRE_DOORBELL": doorbell},
        )
        for name, port in ports.items()
    )


def operator_environment(addresses: Addresses) -> dict[str, str]:
    """What a command of the operator's is told."""
    told = {"AMQP_URI": addresses.amqp[OPERATOR], "MONGODB_URI": addresses.mongodb}
    return {**told, "DESKWIRE_MANAGEMENT": addresses.management} if addresses.management else told


def _module(name: str) -> tuple[str, ...]:
    if name == RELAY:
        return ("shared.relay",)
    return (OWN_DOOR[name],) if name in OWN_DOOR else ("shared.runner", name)


def _environment(name: str, port: int, addresses: Addresses) -> dict[str, str]:
    return {
        "AMQP_URI": addresses.amqp[name],
        "MONGODB_URI": addresses.mongodb,
        "DESKWIRE_OPS_PORT": str(port),
        # eventlet's own resolver breaks with new releases of dnspython.
        "EVENTLET_NO_GREENDNS": "yes",
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "ignore",
    }
