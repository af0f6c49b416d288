"""Whether a broker answers, asked with AMQP's own handshake."""

from __future__ import annotations

import logging

import pika
from pika.exceptions import AMQPError

# pika logs each refused connection with its trace; who asks here says it in a sentence.
logging.getLogger("pika").setLevel(logging.CRITICAL)


def parameters(uri: str, seconds: float = 5.0) -> pika.URLParameters:
    """pika's parameters for a URI, with deadlines, so that a silent broker is an error and not a wait."""
    found = pika.URLParameters(uri)
    found.socket_timeout = seconds
    found.stack_timeout = seconds * 2
    found.blocked_connection_timeout = seconds
    found.connection_attempts = 1
    return found


def fault(uri: str, seconds: float = 5.0) -> str | None:
    """Why nobody can work with the broker at `uri`, in words without its password; None when one can."""
    try:
        pika.BlockingConnection(parameters(uri, seconds)).close()
    except (AMQPError, OSError, ValueError) as error:
        return _in_words(error)
    return None


def without_password(uri: str) -> str:
    """The URI as it may be shown."""
    before, at, after = uri.rpartition("@")
    scheme, separator, user = before.partition("://")
    return f"{scheme}{separator}{user.partition(':')[0]}@{after}" if at else uri


def _in_words(error: Exception) -> str:
    match type(error).__name__:
        case "ProbableAuthenticationError":
            return "it refuses the user or the password"
        case "ProbableAccessDeniedError":
            return "the virtual host does not exist, or the user may not use it"
        case "AMQPConnectionError" | "AMQPConnectorException" | "ConnectionRefusedError":
            return "nobody listens there"
        case "gaierror" | "AddressError":
            return "its host name is unknown"
    return f"{type(error).__name__} {error}".strip()
