"""Calls: answered once, refused in words, given up in time, and never run behind the caller's back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from amqp import Message as AmqpMessage

from deploy.local.access import OPERATOR
from deploy.local.broker import Broker
from deploy.local.database import Database
from deploy.local.ports import free_port
from shared.errors import DeskwireError, Unavailable
from shared.rpc import RpcClient
from shared.topology import RPC
from tests.faults.proxy import Proxy
from tests.integration.probe_house import ProbeHouse, eventually, probe_house

ALICE = {"kind": "person", "id": "alice", "roles": ["agent"]}


@pytest.fixture(scope="module")
def house(broker: Broker, database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProbeHouse]:
    with probe_house(broker, database, tmp_path_factory.mktemp("calls")) as one:
        # Before the probe runs its queue is there, and a call in it is given up.
        with pytest.raises(Unavailable):
            call(one, "count", number="given-up", timeout=0.3)
        one.start(["probe"])
        yield one


def call(house: ProbeHouse, method: str, timeout: float = 10.0, service: str = "probe", **request: Any) -> Any:
    client = RpcClient(house.uri(OPERATOR), timeout=timeout)
    try:
        return client.call(service, method, {"actor": ALICE, **request})
    finally:
        client.close()


def fault(house: ProbeHouse, method: str, **options: Any) -> dict[str, str]:
    with pytest.raises(DeskwireError) as caught:
        call(house, method, **options)
    return caught.value.as_dict()


def counted(house: ProbeHouse, number: str) -> int:
    return sum(row["n"] for row in house.rows("probe", "counts", {"_id": number}))


def test_a_call_is_answered_with_the_record(house: ProbeHouse) -> None:
    assert call(house, "count", number="plain") == {"n": 1}
    assert counted(house, "plain") == 1


def test_one_client_makes_many_calls_from_many_threads(house: ProbeHouse) -> None:
    client = RpcClient(house.uri(OPERATOR), timeout=10)
    with ThreadPoolExecutor(4) as pool:
        request = {"actor": ALICE, "number": "threads"}
        answers = list(pool.map(lambda _: client.call("probe", "count", request)["n"], range(20)))
    client.close()
    assert sorted(answers) == list(range(1, 21))


def test_a_call_that_was_given_up_in_the_queue_never_runs(house: ProbeHouse) -> None:
    call(house, "count", number="later")
    assert counted(house, "given-up") == 0


def test_a_call_that_was_given_up_in_the_services_hands_never_runs(house: ProbeHouse) -> None:
    """Eight calls keep all workers busy; the ninth waits behind them for longer than its caller does."""
    number = uuid4().hex
    slow = [f"{number}-{n}" for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(call, house, "count", number=one, args={"seconds": 2.0}) for one in slow]
        eventually(lambda: len(house.rows("probe", "attempts", {"event": {"$in": slow}})) == 8)
        with pytest.raises(Unavailable):
            call(house, "count", number=number, timeout=0.5)
        assert {one.result()["n"] for one in answers} == {1}
    call(house, "count", number="afterwards")
    assert counted(house, number) == 0


def test_a_caller_does_not_wait_longer_than_it_said(house: ProbeHouse) -> None:
    began = time.monotonic()
    error = fault(house, "count", number="slow", args={"seconds": 2.0}, timeout=0.3)
    assert time.monotonic() - began < 1.5
    assert (error["slug"], error["message"]) == ("unavailable", "probe did not answer within 0.3 s")


def test_after_a_timeout_the_client_does_not_take_the_late_answer_for_the_next(house: ProbeHouse) -> None:
    client = RpcClient(house.uri(OPERATOR), timeout=5)
    with pytest.raises(Unavailable):
        client.call("probe", "count", {"actor": ALICE, "number": "late", "args": {"seconds": 0.5}}, timeout=0.2)
    assert client.call("probe", "get", {"actor": ALICE}) == {"n": 0}
    client.close()


def test_a_service_that_does_not_exist_is_told_at_once(house: ProbeHouse) -> None:
    began = time.monotonic()
    error = fault(house, "get", service="nowhere")
    assert time.monotonic() - began < 3
    assert (error["slug"], error["message"]) == ("unavailable", "there is no service nowhere")


def test_a_command_that_does_not_exist_is_named(house: ProbeHouse) -> None:
    assert fault(house, "fly") == {"slug": "unknown-command", "message": "there is no command fly"}
    assert fault(house, "on_intake")["slug"] == "unknown-command"


@pytest.mark.parametrize(
    ("method", "request_", "slug", "pointer"),
    [
        ("refuse", {}, "probe-closed", "/args/text"),
        ("count", {"args": {"seconds": "long"}}, "invalid", "/args/seconds"),
        ("count", {"args": {"unknown": 1}}, "invalid", "/args/unknown"),
        ("count", {"unknown": 1}, "invalid", "/unknown"),
        ("count", {"actor": {"kind": "person"}}, "invalid", "/actor/id"),
        ("count", {}, "invalid", "/number"),
        ("count", {"number": "v", "expected_version": 7}, "version-mismatch", "/expected_version"),
    ],
)
def test_a_refusal_carries_its_slug_and_its_pointer(
    house: ProbeHouse, method: str, request_: dict[str, Any], slug: str, pointer: str
) -> None:
    error = fault(house, method, **request_)
    assert (error["slug"], error["pointer"]) == (slug, pointer)


@pytest.mark.parametrize("method", ["crash", "unwritable"])
def test_what_goes_wrong_inside_is_an_answer_that_shows_nothing_and_no_end(house: ProbeHouse, method: str) -> None:
    assert fault(house, method) == {"slug": "internal-error", "message": "something went wrong here"}
    assert call(house, "get") == {"n": 0}


def test_a_command_repeated_with_its_key_answers_the_same_and_runs_once(house: ProbeHouse) -> None:
    key = uuid4().hex
    answers = [call(house, "count", number="once", idempotency_key=key) for _ in range(3)]
    assert answers == [{"n": 1}] * 3
    assert counted(house, "once") == 1
    assert fault(house, "count", number="other", idempotency_key=key)["slug"] == "idempotency-key-reused"


def test_copies_of_a_command_at_the_same_moment_run_once(house: ProbeHouse) -> None:
    key = uuid4().hex
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: call(house, "count", number="at-once", idempotency_key=key), range(4)))
    assert answers == [{"n": 1}] * 4
    assert counted(house, "at-once") == 1


def test_a_version_that_the_caller_expected_lets_the_command_through(house: ProbeHouse) -> None:
    assert call(house, "count", number="versions", expected_version=0) == {"n": 1}
    assert call(house, "count", number="versions", expected_version=1) == {"n": 2}
    assert fault(house, "count", number="versions", expected_version=1)["slug"] == "version-mismatch"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b'{"args": []}', b'{"args": [1]}', b'{"args": [{}, {}]}', b'{"args": "x"}']
)
def test_a_call_that_is_no_call_is_answered_and_harms_nobody(house: ProbeHouse, body: bytes) -> None:
    answers: list[bytes] = []
    with house.channel() as channel:
        queue = channel.queue_declare("", exclusive=True).queue
        channel.queue_bind(queue, RPC, queue)
        message = AmqpMessage(body, reply_to=queue, correlation_id="c")
        channel.basic_publish(message, RPC, "probe.get")

        def answered() -> bool:
            found = channel.basic_get(queue, no_ack=True)
            if found is not None:
                answers.append(bytes(found.body.encode() if isinstance(found.body, str) else found.body))
            return bool(answers)

        eventually(answered)
    assert b"bad-call" in answers[0]


def test_without_a_broker_a_caller_is_told() -> None:
    client = RpcClient(f"amqp://a:b@127.0.0.1:{free_port()}/", timeout=1)
    with pytest.raises(Unavailable):
        client.call("probe", "get", {})


def test_a_broker_that_falls_silent_does_not_hold_a_caller(house: ProbeHouse) -> None:
    proxy = Proxy(house.broker.port)
    proxy.start()
    uri = house.uri(OPERATOR).replace(f":{house.broker.port}/", f":{proxy.port}/")
    client = RpcClient(uri, timeout=0.5)
    assert client.call("probe", "get", {"actor": ALICE}) == {"n": 0}
    proxy.hole()
    # The first call finds its connection silent, the second one cannot make another.
    for _ in range(2):
        began = time.monotonic()
        with pytest.raises(Unavailable):
            client.call("probe", "get", {"actor": ALICE})
        assert time.monotonic() - began < 3
    proxy.heal()
    proxy.reset()
    eventually(lambda: answers(client))
    proxy.close()
    client.close()


def answers(client: RpcClient) -> bool:
    try:
        return bool(client.call("probe", "get", {"actor": ALICE}) == {"n": 0})
    except Unavailable:
        return False
