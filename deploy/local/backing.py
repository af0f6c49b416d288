"""The broker and the database under the services: ours, started here, or somebody's, found at an address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from deploy.local import amqp, database, ports, settling
from deploy.local.access import Rights, rights_by_user
from deploy.local.broker import Broker
from deploy.local.choices import Choices
from deploy.local.database import Database
from deploy.local.folders import Folders
from deploy.local.stack import Addresses
from shared.errors import Unavailable


class NoBroker(Unavailable):
    """Nobody can work with the broker that was named."""

    slug = "broker-unreachable"


class NoDatabase(Unavailable):
    """The database that was named does not answer."""

    slug = "database-unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backing:
    """What the services stand on. `None` means that somebody else runs it."""

    broker: Broker | None
    database: Database | None
    addresses: Addresses


def prepare(choices: Choices, folders: Folders, services: tuple[str, ...]) -> Backing:
    """Decide on broker and database and choose their ports; starts nothing.

    Raises NoBroker, NoDatabase, PortTaken or ProgramMissing; each says in a sentence what to do.
    """
    chosen = ports.recall(folders.ports)
    own_broker = _own_broker(choices, folders, chosen, rights_by_user(services)) if choices.amqp_uri is None else None
    own_database = _own_database(choices, folders, chosen) if choices.mongodb_uri is None else None
    ports.remember(folders.ports, chosen)
    mongodb = own_database.uri if own_database is not None else _answering_database(choices.mongodb_uri or "")
    return Backing(
        broker=own_broker,
        database=own_database,
        addresses=_addresses(choices, own_broker, mongodb, services),
    )


def _own_broker(choices: Choices, folders: Folders, chosen: dict[str, int], users: Mapping[str, Rights]) -> Broker:
    port = ports.choose(ports.AMQP, explicit=choices.amqp_port, remembered=chosen.get("amqp"))
    chosen["amqp"] = port
    settling.forget_unsettled(folders.broker)
    return Broker(
        folders.broker,
        port=port,
        bind=choices.bind,
        # For the operator's commands alone, which are told where it is.
        management_port=ports.free_port(),
        password_file=folders.passwords,
        users=users,
    )


def _own_database(choices: Choices, folders: Folders, chosen: dict[str, int]) -> Database:
    port = ports.choose(ports.MONGODB, explicit=choices.mongodb_port, remembered=chosen.get("mongodb"))
    chosen["mongodb"] = port
    return Database(folders.database, port=port)


def _addresses(choices: Choices, own: Broker | None, mongodb: str, services: tuple[str, ...]) -> Addresses:
    if own is not None:
        amqp_uris = {user: own.uri(user) for user in own.users}
        return Addresses(amqp=amqp_uris, mongodb=mongodb, management=own.management_uri)
    uri = choices.amqp_uri or ""
    fault = amqp.fault(uri)
    if fault is not None:
        raise NoBroker(
            f"AMQP_URI says {amqp.without_password(uri)}, but {fault}: "
            "start that broker, correct AMQP_URI, or unset it to let Deskwire start a broker of its own."
        )
    return Addresses.of_one(uri, mongodb, services)


def _answering_database(uri: str) -> str:
    if not database.answers(uri, 5):
        raise NoDatabase(
            f"MONGODB_URI says {amqp.without_password(uri)}, but no database answers there: "
            "start it, correct MONGODB_URI, or unset it to let Deskwire start a database of its own."
        )
    return uri
