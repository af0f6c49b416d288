"""Whether a broker answers, asked with AMQP's own handshake."""

from __future__ import annotations

import logging
import re

import pika

from deploy.local.access import SENDER

_BEFORE_USER_ENDS = re.compile("[:/?]")

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
    except Exception as error:
        # pika promises no type for what it trips over when a connection breaks under it.
        return _in_words(error)
    return None


def without_password(uri: str) -> str:
    """The URI as it may be shown: no password, and no options, since one of MongoDB's is a password, too."""
    scheme, separator, rest = uri.partition("://")
    user, at, place = rest.rpartition("@")
    return f"{scheme}{separator}{_BEFORE_USER_ENDS.split(user)[0]}{at}{place.partition('?')[0]}"


def for_senders(uri: str) -> str:
    """The address of a broker with a user for foreign senders in it, who is yet to be made there."""
    scheme, separator, rest = without_password(uri).partition("://")
    return f"{scheme}{separator}{SENDER}:<password>@{rest.rpartition('@')[2]}"


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
        case "ValueError":
            # Its words may quote what stands where a port should be: part of a password with a slash in it.
            return "that is no address (write special characters of a password as %XX)"
    return f"{type(error).__name__} {error}".strip()
