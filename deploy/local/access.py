"""Who may do what on the broker: one table, from which the broker's definitions are made.

A right is a regular expression over names, as RabbitMQ has it: `configure` declares and deletes, `write` publishes
and binds a queue, `read` consumes and binds to an exchange. Binding needs write on the queue and read on the
exchange; the default exchange is called `amq.default`. There is no guest.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VHOST = "deskwire"
OPERATOR = "operator"
RELAY = "relay"
SENDER = "sender"
NOTHING = "^$"
EVERYTHING = ".*"
ASKERS = ("gateway",)
"""Services that ask others by RPC. Whoever else needs to is added here: no service calls another to write."""
_REPLIES = r"rpc\.reply-.*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """Routing keys of one topic exchange that a user may publish with (`write`) and bind (`read`)."""

    exchange: str
    write: str
    read: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """The rights of one user in a virtual host. Topic exchanges that `topics` does not name follow the rights alone."""

    configure: str = NOTHING
    write: str = NOTHING
    read: str = NOTHING
    tags: tuple[str, ...] = ()
    topics: tuple[Topics, ...] = ()


def service_rights(service: str) -> Rights:
    """A service declares its own queues and consumes them, answers calls, retries and gives up; it publishes no event.

    It declares its queues again at each start, so that one with other arguments ends it clearly. An asker also has
    a reply queue of its own and may call any service.
    """
    own = rf"rpc-{service}|{service}\.[a-z0-9_]+\.(urgent|normal|bulk)\.v[0-9]+"
    aside = r"nameko-rpc|itsm\.dead|itsm\.retry\.[0-9]+"
    if service in ASKERS:
        return Rights(
            configure=f"^({own}|{_REPLIES})$",
            write=f"^({aside}|{_REPLIES})$",
            read=f"^({own}|{_REPLIES}|nameko-rpc)$",
            # It may bind nothing but its own reply queue: nobody listens to what others ask.
            topics=(Topics(exchange="nameko-rpc", write=".*", read=f"^{_REPLIES}$"),),
        )
    return Rights(
        configure=f"^({own})$",
        write=f"^({aside})$",
        read=f"^({own})$",
        topics=(Topics(exchange="nameko-rpc", write=f"^{_REPLIES}$", read=NOTHING),),
    )


FIXED = {
    OPERATOR: Rights(configure=EVERYTHING, write=EVERYTHING, read=EVERYTHING, tags=("administrator",)),
    RELAY: Rights(write=r"^[a-z0-9_]+\.events$"),
    SENDER: Rights(write=r"^itsm\.intake$"),
}


def rights_by_user(services: Iterable[str]) -> dict[str, Rights]:
    """Every user of the broker and its rights: one for each service, and the fixed three."""
    return {**{service: service_rights(service) for service in sorted(services)}, **FIXED}


def find_services(root: Path) -> tuple[str, ...]:
    """The services that exist: the packages under `services/`."""
    return tuple(sorted(folder.parent.name for folder in (root / "services").glob("[a-z]*/__init__.py")))


def permissions(vhost: str, users: Mapping[str, Rights]) -> list[dict[str, str]]:
    """The `permissions` of RabbitMQ's definitions."""
    return [
        {"user": user, "vhost": vhost, "configure": rights.configure, "write": rights.write, "read": rights.read}
        for user, rights in users.items()
    ]


def topic_permissions(vhost: str, users: Mapping[str, Rights]) -> list[dict[str, str]]:
    """The `topic_permissions` of RabbitMQ's definitions."""
    return [
        {"user": user, "vhost": vhost, "exchange": topics.exchange, "write": topics.write, "read": topics.read}
        for user, rights in users.items()
        for topics in rights.topics
    ]


def definitions(vhost: str, users: Mapping[str, Rights], passwords: Mapping[str, str]) -> dict[str, Any]:
    """RabbitMQ's definitions file: the virtual host, the users with hashed passwords, and their rights."""
    return {
        "vhosts": [{"name": vhost}],
        "users": [_user(name, rights, passwords[name]) for name, rights in users.items()],
        "permissions": permissions(vhost, users),
        "topic_permissions": topic_permissions(vhost, users),
    }


def _user(name: str, rights: Rights, password: str) -> dict[str, Any]:
    return {
        "name": name,
        "password_hash": password_hash(password),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": ",".join(rights.tags),
    }


def password_hash(password: str) -> str:
    """RabbitMQ's salted SHA-256: base64 of four bytes of salt and the digest of salt and password.

    The salt comes from the password itself, which is random and used once: equal files mean equal rights.
    """
    salt = hashlib.sha256(b"salt:" + password.encode()).digest()[:4]
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
