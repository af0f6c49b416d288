"""What a command talks to: the stack that runs here, else the addresses in the environment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from amqp.exceptions import AMQPError
from kombu import Connection

from deploy.local import running
from deploy.local.access import OPERATOR, SENDER, find_services
from deploy.local.choices import Choices
from deploy.local.folders import Folders, find_folders
from deploy.local.stack import Addresses, ops_ports
from shared.broken_connection import BrokenConnection, abandon, using_broker
from shared.config import Settings
from shared.errors import Unavailable
from shared.management import Management
from shared.mongo import MongoStore, connect
from shared.rpc import RpcClient
from shared.topology import catalogue

OPERATOR_ACTOR = {"kind": "system", "id": "operator", "roles": ["operator"]}
"""Who acts when a command of the operator's changes something."""


class NoBroker(Unavailable):
    """The broker does not answer the command."""

    slug = "broker-unreachable"


def find_addresses(folders: Folders | None = None) -> Addresses:
    """Of the running stack, else from AMQP_URI (and MONGODB_URI). Raises NotRunning when there is neither."""
    folders = folders or find_folders()
    choices = Choices.read(os.environ)
    try:
        running.read(folders)
        return running.read_addresses(folders)
    except running.NotRunning:
        if choices.amqp_uri is None:
            raise
    mongodb = choices.mongodb_uri or "mongodb://127.0.0.1:27017/"
    return Addresses.of_one(choices.amqp_uri, mongodb, find_services(folders.root))


def find_ops_ports(folders: Folders | None = None) -> dict[str, int]:
    """The ops port of each process: of the running stack, else the usual ones."""
    folders = folders or find_folders()
    try:
        return {name: process.ops_port for name, process in running.read(folders).processes.items()}
    except running.NotRunning:
        return ops_ports(find_services(folders.root), Choices.read(os.environ).ops_base)


def sender_uri() -> str:
    """The broker's address for foreign senders."""
    return find_addresses().amqp[SENDER]


def user_of(uri: str) -> str:
    """The user as whom one logs in at `uri`; without one it is AMQP's usual guest."""
    return Connection(uri).userid or "guest"


@contextmanager
def operator_channel() -> Iterator[Any]:
    """A py-amqp channel of the operator's; unacknowledged messages are back in their queues after it.

    Raises NoBroker.
    """
    uri, link = find_addresses().amqp[OPERATOR], None
    try:
        with using_broker():
            connection = Connection(uri, connect_timeout=5)
            channel = connection.default_channel
            link = channel.connection
        yield channel
        with using_broker():
            connection.release()
    except (BrokenConnection, AMQPError, OSError, EOFError) as error:
        kind = error.kind if isinstance(error, BrokenConnection) else type(error).__name__
        raise NoBroker(f"The broker does not answer: {kind}: {error.__cause__ or error}") from error
    finally:
        abandon(link)


def find_management(folders: Folders | None = None) -> Management | None:
    """The broker's management API: of the running stack, else from DESKWIRE_MANAGEMENT; None without either."""
    uri = find_addresses(folders).management or Settings.load().management
    return Management(uri) if uri else None


def vhost_of(uri: str) -> str:
    """The virtual host in an AMQP address."""
    vhost: str = Connection(uri).virtual_host
    return vhost


@contextmanager
def rpc() -> Iterator[RpcClient]:
    """Calls as the operator."""
    client = RpcClient(find_addresses().amqp[OPERATOR], timeout=5.0)
    try:
        yield client
    finally:
        client.close()


def consumers() -> tuple[str, ...]:
    """The services that have dead letters."""
    return tuple(one.service for one in catalogue())


def publishers() -> tuple[str, ...]:
    """The services that have a journal."""
    return tuple(one.service for one in catalogue() if one.publishes)


def store_of(service: str) -> MongoStore:
    """The store of a service. Lazy: it raises Unavailable when it is first used and the database is away."""
    name = f"{Settings.load().database_prefix}{service}"
    return MongoStore(connect(find_addresses().mongodb, name, f"operator-{service}"))
