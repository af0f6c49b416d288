"""The broker's management API: what AMQP cannot tell, such as which bindings there are."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from shared.errors import Unavailable

SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """A queue that gets what is published to an exchange under a routing key."""

    exchange: str
    key: str
    queue: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.exchange} {self.key} -> {self.queue}"


class Management:
    """The API at `uri`, such as `http://operator:password@127.0.0.1:15672`; its user carries the tag `management`."""

    def __init__(self, uri: str) -> None:
        parts = urlsplit(uri)
        place = parts.netloc.rpartition("@")[2]
        user = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        self._base = f"{parts.scheme}://{place}{parts.path.rstrip('/')}/api"
        self._authorization = "Basic " + base64.b64encode(user.encode()).decode()

    def bindings(self, vhost: str) -> list[Binding]:
        """Every binding of a queue in the virtual host. Raises Unavailable when the API does not tell."""
        try:
            found = self.call("GET", f"bindings/{quote(vhost, safe='')}")
            return [
                Binding(
                    exchange=one["source"],
                    key=one["routing_key"],
                    queue=one["destination"],
                    arguments=one["arguments"],
                )
                for one in found
                if one["destination_type"] == "queue"
            ]
        except (OSError, EOFError, HTTPException, ValueError, LookupError, TypeError, AttributeError) as error:
            raise Unavailable(f"the broker's management API does not tell its bindings: {error}") from None

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """What the API answers; None where that is nothing. Raises OSError, also when it refuses, and HTTPException or
        ValueError for what is no answer."""
        request = urllib.request.Request(  # noqa: S310 (an operator's own address)
            f"{self._base}/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": self._authorization},
        )
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 (likewise)
            content = answer.read()
        return json.loads(content) if content else None
