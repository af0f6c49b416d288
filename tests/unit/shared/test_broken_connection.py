"""Whatever a broken connection raises ends no process: it is dropped, told with its type, and opened again."""

from __future__ import annotations

import builtins
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import eventlet
import pytest
from amqp import exceptions as amqp_errors
from eventlet.event import Event as Signal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.errors import AutoReconnect, InvalidOperation, OperationFailure

from shared import publisher as publishing
from shared import receiving
from shared import rpc as calling
from shared.broken_connection import BrokenConnection, broke, using_broker
from shared.consumer import SafeConsumer
from shared.envelope import Lane
from shared.errors import NotFound, Unavailable
from shared.mongo import translated
from shared.publisher import Message, Publisher
from shared.receiving import Subscription
from shared.rpc import RpcClient
from shared.topology import rpc_queue

TYPES = sorted(
    (kind for kind in vars(builtins).values() if isinstance(kind, type) and issubclass(kind, Exception)),
    key=lambda kind: kind.__name__,
)
AWKWARD: tuple[Exception, ...] = (
    EOFError(),
    ValueError("file descriptor cannot be a negative integer (-1)"),
    struct.error("unpack requires a buffer of 7 bytes"),
    KeyError(3),
    TypeError("'NoneType' object is not subscriptable"),
    AttributeError("'NoneType' object has no attribute 'drain_events'"),
    RuntimeError("Second simultaneous read on fileno 9 detected"),
    AssertionError(),
    ssl.SSLError("bad record mac"),
    ssl.SSLWantReadError(),
    amqp_errors.UnexpectedFrame("Received frame_end 0x00 while expecting 0xce"),
    amqp_errors.RecoverableConnectionError("connection already closed"),
    amqp_errors.ConnectionForced("Too many heartbeats missed"),
    ConnectionResetError(104, "Connection reset by peer"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    RecursionError(),
    MemoryError(),
)


def made(kind: type[Exception]) -> Exception:
    """An error of a built-in type, whatever its arguments are."""
    for arguments in (
        (),
        ("broken",),
        ("utf-8", b"\xff", 0, 1, "no"),
        ("utf-8", "\xff", 0, 1, "no"),
        ("g", [OSError()]),
    ):
        with suppress(TypeError):
            return kind(*arguments)
    return OSError()


errors = st.sampled_from(AWKWARD) | st.sampled_from(TYPES).map(made)


class Wire:
    """Stands for the library: each of its calls may be told to fail once, and is counted."""

    def __init__(self, **faults: Exception) -> None:
        self.faults = faults
        self.connected = self.drained = 0
        self.on_drain: Callable[[], None] = lambda: None
        self.events: dict[str, set[Any]] = {name: set() for name in ("basic_ack", "basic_nack", "basic_return")}
        self.message_count = 0
        self.settled: list[int] = []

    def __call__(self, *_: Any, **__: Any) -> Wire:
        return self

    @property
    def transport(self) -> Wire:
        return self

    @property
    def connection(self) -> Wire:
        return self.establish_connection()

    def establish_connection(self) -> Wire:
        self.connected += 1
        self._fail("connect")
        return self

    def channel(self) -> Wire:
        self._fail("channel")
        return self

    def drain_events(self, timeout: float) -> None:
        self.drained += 1
        self._fail("drain")
        self.on_drain()

    def basic_ack(self, tag: int, multiple: bool) -> None:
        self._fail("ack")
        self.settled.append(tag)

    def basic_publish(self, *_: Any, **__: Any) -> None:
        self._fail("publish")

    def collect(self, **_: Any) -> None:
        self._fail("collect")

    def queue_declare(self, *_: Any, **__: Any) -> Wire:
        self._fail("declare")
        return self

    def basic_qos(self, *_: Any) -> None:
        self._fail("basic_qos")

    def basic_consume(self, *_: Any, **__: Any) -> None:
        self._fail("basic_consume")

    def queue_bind(self, *_: Any) -> None:
        self._fail("queue_bind")

    def confirm_select(self) -> None:
        self._fail("confirm_select")

    def heartbeat_check(self) -> None:
        self._fail("heartbeat_check")

    def basic_cancel(self, *_: Any, **__: Any) -> None:
        self._fail("basic_cancel")

    def close(self) -> None:
        self._fail("close")

    def _fail(self, name: str) -> None:
        fault = self.faults.pop(name, None)
        if fault is not None:
            raise fault


@pytest.fixture
def patched() -> Iterator[Callable[[Any, Wire], None]]:
    """Puts a wire in the library's place in a module."""
    kept: list[tuple[Any, Any]] = []

    def put(module: Any, wire: Wire) -> None:
        kept.append((module, module.Connection))
        module.Connection = wire

    yield put
    for module, connection in kept:
        module.Connection = connection


@pytest.fixture(autouse=True)
def logged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is logged; and nothing is waited for."""
    lines: list[str] = []
    monkeypatch.setattr(
        "shared.consumer.log", SimpleNamespace(warning=lambda *_, **fields: lines.append(fields["error"]))
    )
    monkeypatch.setattr("shared.consumer.SHORTEST_PAUSE", 0.0)
    monkeypatch.setattr("shared.receiving.QUIET_SECONDS", 0.0)
    return lines


def run_to_second_connection(wire: Wire) -> SafeConsumer:
    """Run a consumer over the wire until it has received once over a connection that holds."""
    consumer = SafeConsumer("amqp://nobody", "probe")
    consumer.subscribe(Subscription(queues={Lane.NORMAL: rpc_queue("probe")}, prefetch=1))

    def drained() -> None:
        # Three times, so that what comes after receiving has been called, too.
        if not wire.faults and wire.drained > 3:
            consumer.stop()

    wire.on_drain = drained
    with eventlet.Timeout(20):
        consumer.run()
    return consumer


CONSUMING = ("connect", "channel", "declare", "basic_qos", "basic_consume", "drain", "heartbeat_check")


@pytest.mark.parametrize("call", CONSUMING)
@pytest.mark.parametrize("error", AWKWARD, ids=lambda error: type(error).__name__)
def test_a_consumer_connects_again_whatever_a_call_raises(
    patched: Callable[[Any, Wire], None], logged: list[str], call: str, error: Exception
) -> None:
    wire = Wire(**{call: error})
    patched(receiving, wire)
    consumer = run_to_second_connection(wire)
    assert wire.connected > 1
    assert consumer.fault is None
    assert type(error).__name__ in logged[0]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(errors, st.sampled_from(CONSUMING))
def test_no_type_of_error_at_all_ends_a_consumer(error: Exception, call: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        wire = Wire(**{call: error})
        patch.setattr(receiving, "Connection", wire)
        run_to_second_connection(wire)
        # Where nothing comes a receiver goes on as it is.
        assert wire.connected > 1 or (call == "drain" and isinstance(error, TimeoutError))


@pytest.mark.parametrize("error", AWKWARD, ids=lambda error: type(error).__name__)
def test_a_connection_that_breaks_at_an_acknowledgement_is_closed_and_raises_nothing(
    patched: Callable[[Any, Wire], None], error: Exception
) -> None:
    wire = Wire(ack=error, collect=error)
    patched(receiving, wire)
    session = receiving.Session("amqp://nobody")
    session.ack(wire, 7, multiple=False)
    assert session.closed
    assert wire.settled == []
    # Whoever settles leaves the socket to its reader, under whom it must not be closed.
    assert wire.faults == {"collect": error}
    session.drop()
    assert wire.faults == {}


MESSAGE = Message(exchange="e", routing_key="k", body=b"{}", message_id="1")


@pytest.mark.parametrize("call", ["connect", "channel", "confirm_select", "publish", "drain", "collect"])
@pytest.mark.parametrize("error", AWKWARD, ids=lambda error: type(error).__name__)
def test_a_publisher_says_that_the_broker_is_unavailable_and_connects_again(
    patched: Callable[[Any, Wire], None], call: str, error: Exception
) -> None:
    faults = {"drain": EOFError(), "collect": error} if call == "collect" else {call: error}
    wire = Wire(**faults)
    patched(publishing, wire)
    sender = Publisher("amqp://nobody")
    with pytest.raises(Unavailable):
        sender.publish([MESSAGE])
    wire.events["basic_ack"].clear()
    wire.on_drain = lambda: [settle(1, False) for settle in wire.events["basic_ack"]] and None
    assert [outcome.name for outcome in sender.publish([MESSAGE])] == ["CONFIRMED"]


def test_what_amqp_cannot_carry_is_no_broken_connection(patched: Callable[[Any, Wire], None]) -> None:
    wire = Wire(publish=struct.error("ubyte format requires 0 <= number <= 255"))
    patched(publishing, wire)
    with pytest.raises(struct.error):
        Publisher("amqp://nobody").publish([Message(exchange="e", routing_key="k" * 256, body=b"", message_id="1")])


@pytest.mark.parametrize("call", ["connect", "channel", "declare", "queue_bind", "basic_consume", "publish", "drain"])
@pytest.mark.parametrize("error", AWKWARD, ids=lambda error: type(error).__name__)
def test_a_call_says_that_the_broker_is_unavailable(
    patched: Callable[[Any, Wire], None], call: str, error: Exception
) -> None:
    wire = Wire(**{call: error})
    patched(calling, wire)
    client = RpcClient("amqp://nobody")
    with pytest.raises(Unavailable, match="broker"):
        client.call("incident", "get", {})
    assert client._connection is None


def test_errors_of_the_house_and_the_end_of_a_green_thread_pass() -> None:
    with pytest.raises(NotFound), using_broker():
        raise NotFound("no")
    with pytest.raises(eventlet.Timeout), using_broker(), eventlet.Timeout(0.001):
        Signal().wait()


def test_a_broken_connection_names_the_type_that_broke_it() -> None:
    with pytest.raises(BrokenConnection, match="KeyError: 3") as caught, using_broker():
        raise KeyError(3)
    assert (caught.value.kind, caught.value.usual) == ("KeyError", False)
    with pytest.raises(BrokenConnection) as caught, using_broker():
        raise ConnectionResetError
    assert caught.value.usual


DRIVER_LETS_THROUGH: tuple[Exception, ...] = (
    EOFError(),
    ConnectionResetError(),
    ssl.SSLError("bad record mac"),
    struct.error("unpack requires a buffer of 16 bytes"),
    AssertionError(),
    RuntimeError("Second simultaneous read on fileno 9 detected"),
    InvalidOperation("Cannot use MongoClient after close"),
    AutoReconnect("connection closed"),
)


@pytest.mark.parametrize("error", DRIVER_LETS_THROUGH, ids=lambda error: type(error).__name__)
def test_a_database_whose_connection_breaks_is_unavailable(error: Exception) -> None:
    with pytest.raises(Unavailable), translated():
        raise error


@pytest.mark.parametrize(
    "error",
    [TypeError("filter must be an instance of dict"), InvalidOperation("No operations to execute")],
    ids=lambda error: type(error).__name__,
)
def test_a_mistake_in_a_query_is_no_broken_connection(error: Exception) -> None:
    assert not broke(error)
    with pytest.raises(type(error)), translated():
        raise error


def test_a_refusal_of_the_database_stays_one() -> None:
    with pytest.raises(OperationFailure), translated():
        raise OperationFailure("bad index", 67)
