"""Calls to a service, in nameko's RPC protocol, with a timeout and an expiry.

A call that was given up expires in the queue, so that it does not run later behind its caller's back. It may still
have run: a caller that repeats a command sends the same idempotency key.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Mapping
from typing import Any

import orjson
from amqp import Message as AmqpMessage
from kombu import Connection

from shared.broken_connection import BrokenConnection, abandon, using_broker
from shared.errors import DeskwireError, Invalid, Unavailable
from shared.topology import RPC

CONNECT_SECONDS = 5.0


class RpcClient:
    """Calls services from a process without eventlet. Safe for threads; calls wait for each other."""

    def __init__(self, uri: str, *, timeout: float = 5.0) -> None:
        self._uri = uri
        self._timeout = timeout
        self._lock = threading.Lock()
        self._connection: Any = None
        self._replies: dict[str | None, bytes] = {}
        self._returned: set[str | None] = set()

    def call(self, service: str, method: str, request: Mapping[str, Any], *, timeout: float | None = None) -> Any:
        """The record that the service answers with.

        Raises DeskwireError with the service's own slug when it refuses, Unavailable when it does not answer in
        `timeout` seconds, is not there, or the broker is not, and Invalid for a request that JSON cannot say.
        """
        seconds = timeout or self._timeout
        body = _body(request)
        with self._lock:
            try:
                reply = self._call(f"{service}.{method}", body, seconds)
            except BrokenConnection as error:
                self._drop()
                if isinstance(error.__cause__, TimeoutError):
                    raise Unavailable(f"{service} did not answer within {seconds:g} s") from None
                raise
        return read_reply(reply)

    def close(self) -> None:
        """Close the connection, if there is one."""
        with self._lock:
            self._drop()

    def _call(self, key: str, body: bytes, seconds: float) -> bytes:
        with using_broker():
            connection = self._open(seconds)
            correlation = uuid.uuid4().hex
            message = AmqpMessage(
                body,
                content_type="application/json",
                content_encoding="utf-8",
                reply_to=self._queue,
                correlation_id=correlation,
                message_id=correlation,
                expiration=str(int(seconds * 1000)),
            )
            self._channel.basic_publish(message, exchange=RPC, routing_key=key, mandatory=True)
            deadline = time.monotonic() + seconds
            while correlation not in self._replies:
                if correlation in self._returned:
                    raise Unavailable(f"there is no service {key.split('.')[0]}")
                connection.drain_events(timeout=max(0.001, deadline - time.monotonic()))
            return self._replies.pop(correlation)

    def _open(self, seconds: float) -> Any:
        if self._connection is not None:
            return self._connection
        # Without a read timeout, opening a channel on a broker that has fallen silent would wait for ever.
        limit = min(seconds, CONNECT_SECONDS)
        options = {"read_timeout": limit, "write_timeout": CONNECT_SECONDS}
        # kombu's own way of connecting tries twice, with a pause; a caller has set a limit.
        parsed = Connection(self._uri, connect_timeout=limit, transport_options=options)
        connection = self._connection = parsed.transport.establish_connection()
        self._channel = connection.channel()
        self._queue = f"rpc.reply-{uuid.uuid4()}"
        self._channel.queue_declare(self._queue, exclusive=True, auto_delete=True, durable=False)
        self._channel.queue_bind(self._queue, RPC, self._queue)
        self._channel.basic_consume(self._queue, no_ack=True, callback=self._on_reply)
        self._channel.events["basic_return"].add(self._on_return)
        return connection

    def _on_reply(self, message: Any) -> None:
        body = message.body
        correlation = message.properties.get("correlation_id")
        self._replies[correlation] = body.encode() if isinstance(body, str) else bytes(body)

    def _on_return(self, *arguments: Any) -> None:
        self._returned.add(arguments[-1].properties.get("correlation_id"))

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        self._replies.clear()
        self._returned.clear()
        if connection is not None:
            abandon(connection)


def _body(request: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps({"args": [request], "kwargs": {}})
    except orjson.JSONEncodeError as error:
        # Half a character, as an argument has it that is no UTF-8.
        pointer = _place_of_fault(request, "")
        name = pointer.rpartition("/")[2]
        raise Invalid(f"{name or 'the request'} cannot be sent: {error}", pointer=pointer or None) from None


def _place_of_fault(value: Any, pointer: str) -> str:
    """Where in the request what JSON cannot say stands: the innermost field whose name it can say."""
    for name, inner in value.items() if isinstance(value, Mapping) else ():
        try:
            orjson.dumps(inner)
        except orjson.JSONEncodeError:
            return _place_of_fault(inner, f"{pointer}/{name}")
    return pointer


def read_reply(body: bytes) -> Any:
    """The record in a reply. Raises DeskwireError with the slug in it, or `bad-reply` when it is no reply at all."""
    try:
        document = orjson.loads(body)
        result, failure = document["result"], document.get("error")
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        raise DeskwireError("the answer cannot be read", slug="bad-reply") from None
    if failure:
        raise DeskwireError(str(failure), slug="internal-error")
    if isinstance(result, dict) and "error" in result:
        error = result["error"]
        raise DeskwireError(error["message"], slug=error["slug"], pointer=error.get("pointer"))
    return result["record"] if isinstance(result, dict) and "record" in result else result
