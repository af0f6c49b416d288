"""What a broken connection raises, whatever that is: one error for the broker's, one question for the database's.

A socket that another green thread has closed raises EOFError, two readers of one socket raise RuntimeError, half a
frame raises struct.error, a channel that is gone raises KeyError, AttributeError or TypeError: libraries promise none
of it, and none of it may end a process. So what counts is not the type but where it comes from.
"""

from __future__ import annotations

import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from amqp.exceptions import AMQPError

from shared.errors import DeskwireError, Unavailable

_USUAL = (AMQPError, OSError, EOFError, ssl.SSLError)
_BROKEN = (OSError, EOFError, AssertionError, struct.error)
_SIMULTANEOUS = "Second simultaneous"
_CLOSED = "after close"


class BrokenConnection(Unavailable):
    """The broker is not reached over this connection any more: drop it and open another.

    The library's own error is its cause, and its type stands in the message.
    """

    @property
    def usual(self) -> bool:
        """Whether networks and brokers raise its like every day; the rest is worth its traceback in the log."""
        return isinstance(self.__cause__, _USUAL)

    @property
    def kind(self) -> str:
        """The type of the library's error."""
        return type(self.__cause__ or self).__name__


@contextmanager
def using_broker() -> Iterator[None]:
    """Around calls of the AMQP library and nothing else: whatever they raise is a BrokenConnection.

    The house's own errors pass, and so does what is no `Exception`: the end of a green thread or of its time.
    """
    try:
        yield
    except DeskwireError:
        raise
    except Exception as error:
        raise BrokenConnection(f"the broker does not answer: {type(error).__name__}: {error}") from error


def abandon(connection: Any) -> None:
    """Drop the socket of a py-amqp connection without a handshake, which could hang on a broken network.

    Raises nothing, not even where there is no connection.
    """
    with suppress(Exception):
        connection.collect()


def broke(error: BaseException) -> bool:
    """Whether an error that came out of the database's driver is no error of its own, but a connection's.

    The driver wraps what sockets usually raise. What it lets through is told by its type, and by its words where the
    type says too little: a mistake in a query raises TypeError or InvalidOperation as well, and must be seen.
    """
    if isinstance(error, DeskwireError):
        return False
    if isinstance(error, _BROKEN):
        return True
    return _SIMULTANEOUS in str(error) or (type(error).__name__ == "InvalidOperation" and _CLOSED in str(error))
