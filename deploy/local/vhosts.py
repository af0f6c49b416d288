"""Virtual hosts on a node that runs the management plugin: one for each test, made in a few milliseconds."""

from __future__ import annotations

import base64
import json
import urllib.request
from typing import Any

from deploy.local.access import OPERATOR, permissions, topic_permissions
from deploy.local.broker import Broker


def create_vhost(broker: Broker, name: str) -> None:
    """Make a virtual host in which every user has the rights of `access`. Making it again changes nothing."""
    content = {
        "vhosts": [{"name": name}],
        "permissions": permissions(name, broker.users),
        "topic_permissions": topic_permissions(name, broker.users),
    }
    # Permissions of a virtual host that is only now being made are refused: it goes first.
    _call(broker, "PUT", f"vhosts/{name}", {})
    _call(broker, "POST", "definitions", content)


def delete_vhost(broker: Broker, name: str) -> None:
    """Remove a virtual host and everything in it."""
    _call(broker, "DELETE", f"vhosts/{name}", None)


def _call(broker: Broker, method: str, path: str, body: Any) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{broker.management_port}/api/{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Content-Type": "application/json",
            "Authorization": "Basic " + base64.b64encode(f"{OPERATOR}:{broker.password()}".encode()).decode(),
        },
    )
    with urllib.request.urlopen(request, timeout=20):  # noqa: S310
        pass
