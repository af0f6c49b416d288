"""Virtual hosts on a node that runs the management plugin: one for each test, made in a few milliseconds."""

from __future__ import annotations

from deploy.local.access import permissions, topic_permissions
from deploy.local.broker import Broker
from shared.management import Management


def create_vhost(broker: Broker, name: str) -> None:
    """Make a virtual host in which every user has the rights of `access`. Making it again changes nothing."""
    content = {
        "vhosts": [{"name": name}],
        "permissions": permissions(name, broker.users),
        "topic_permissions": topic_permissions(name, broker.users),
    }
    # Permissions of a virtual host that is only now being made are refused: it goes first.
    management = Management(broker.management_uri)
    management.call("PUT", f"vhosts/{name}", {})
    management.call("POST", "definitions", content)


def delete_vhost(broker: Broker, name: str) -> None:
    """Remove a virtual host and everything in it."""
    Management(broker.management_uri).call("DELETE", f"vhosts/{name}")
