"""Starting, stopping, and what happens to a process meanwhile: seen from outside, as an operator sees it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deploy.local.broker import Broker
from deploy.local.database import Database
from deploy.local.folders import ROOT
from shared.declaring import declare
from tests.faults.proxy import Proxy
from tests.integration.probe_house import ProbeHouse, eventually, probe_house


@pytest.fixture(scope="module")
def house(broker: Broker, database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProbeHouse]:
    proxy = Proxy(broker.port)
    proxy.start()
    with probe_house(broker, database, tmp_path_factory.mktemp("lifecycle"), amqp_port=proxy.port) as one:
        one.proxy = proxy  # type: ignore[attr-defined]
        yield one
    proxy.close()


@pytest.fixture
def started(house: ProbeHouse) -> ProbeHouse:
    """The house with one probe that runs."""
    if "probe" not in house.processes or not house.processes["probe"].alive:
        house.start(["probe"])
    return house


def test_health_answers_while_every_worker_is_busy(started: ProbeHouse) -> None:
    (event,) = started.tell("keep", data={"seconds": 1.5})
    eventually(lambda: started.attempts(event))
    for path in ("/livez", "/readyz", "/metrics"):
        began = time.monotonic()
        assert started.get("probe", path)[0] == 200
        assert time.monotonic() - began < 0.5
    assert started.get("probe", "/else")[0] == 404
    assert event.id not in started.kept()
    eventually(lambda: event.id in started.kept())


def test_sigterm_settles_what_is_in_hand_and_nothing_is_delivered_again(started: ProbeHouse) -> None:
    events = started.tell(*["keep"] * 60, data={"seconds": 0.02})
    eventually(lambda: len(started.kept() & {event.id for event in events}) >= 10)
    child = started.processes["probe"]
    child.ask_to_stop()
    eventually(lambda: not child.alive)
    assert child.exit_code == 0
    done = started.kept() & {event.id for event in events}
    assert done
    started.start(["probe"])
    eventually(lambda: started.kept() >= {event.id for event in events})
    assert started.metric("probe", "itsm_redelivered_total") == 0
    assert {len(started.attempts(event)) for event in events} == {1}


def test_a_call_in_hand_at_sigterm_is_answered(started: ProbeHouse) -> None:
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(started.call, "probe", "count", "at-stop", seconds=1.0)
        eventually(lambda: bool(started.rows("probe", "attempts", {"event": "at-stop"})))
        started.processes["probe"].ask_to_stop()
        assert answer.result(10) == {"n": 1}
    eventually(lambda: not started.processes["probe"].alive)
    assert started.processes["probe"].exit_code == 0


def test_a_deleted_queue_is_noticed_and_receiving_goes_on_when_it_is_declared_again(started: ProbeHouse) -> None:
    with started.channel() as channel:
        channel.queue_delete("probe.intake.normal.v1")
    eventually(lambda: "probe.intake.normal.v1 is not there" in started.get("probe", "/readyz")[1])
    assert started.get("probe", "/readyz")[0] == 503
    assert started.get("probe", "/livez")[0] == 200
    with started.channel() as channel:
        declare(started.topology, channel)
    started.wait_ready("probe")
    (event,) = started.tell("keep")
    eventually(lambda: event.id in started.kept())


def test_a_connection_that_is_reset_is_made_anew_and_no_event_is_lost(started: ProbeHouse) -> None:
    events = started.tell(*["keep"] * 30, data={"seconds": 0.02})
    eventually(lambda: len(started.kept() & {event.id for event in events}) >= 5)
    started.proxy.reset()  # type: ignore[attr-defined]
    eventually(lambda: started.metric("probe", "itsm_consumer_reconnects_total") >= 1)
    eventually(lambda: started.kept() >= {event.id for event in events})
    started.wait_quiet()
    ids = Counter(row["_id"] for row in started.rows("probe", "kept"))
    assert set(ids.values()) == {1}
    started.wait_ready("probe")


def test_while_the_broker_is_away_a_process_says_so_and_comes_back_by_itself(started: ProbeHouse) -> None:
    started.proxy.refuse()  # type: ignore[attr-defined]
    eventually(lambda: "lost the broker" in started.get("probe", "/readyz")[1])
    assert started.get("probe", "/livez")[0] == 200
    started.proxy.heal()  # type: ignore[attr-defined]
    started.wait_ready("probe", 10)


def test_two_replicas_do_each_due_thing_once_and_either_goes_on_without_the_other(started: ProbeHouse) -> None:
    house = started
    house.spawn("probe", "-2")
    house.wait_ready("probe-2")
    make_due(house, range(40))
    eventually(lambda: fired(house) >= set(map(str, range(40))))
    tokens = {row["token"] for row in house.rows("probe", "fired")}
    assert len(tokens) == 1
    # Whoever holds the lease stops; it gives the lease back, and the other goes on with a higher token.
    (lease,) = house.rows("probe", "leases", {"_id": "due"})
    holder = next(name for name in ("probe", "probe-2") if lease["holder"].endswith(f":{house.processes[name].pid}"))
    house.processes[holder].ask_to_stop()
    make_due(house, range(40, 60))
    eventually(lambda: fired(house) >= set(map(str, range(60))))
    times = Counter(row["due"] for row in house.rows("probe", "fired"))
    assert set(times.values()) == {1}
    assert max(row["token"] for row in house.rows("probe", "fired")) > max(tokens)
    eventually(lambda: not house.processes[holder].alive)
    house.processes[{"probe", "probe-2"}.difference({holder}).pop()].stop(10)


def make_due(house: ProbeHouse, numbers: range) -> None:
    with house.client() as client:
        rows = [{"_id": str(n), "key": str(n), "version": 1, "state": 0} for n in numbers]
        client[f"{house.prefix}probe"]["due"].insert_many(rows)


def fired(house: ProbeHouse) -> set[str]:
    return {row["due"] for row in house.rows("probe", "fired")}


def test_a_queue_with_other_arguments_ends_the_process_with_a_sentence_and_its_own_code(house: ProbeHouse) -> None:
    name = "probe.intake.bulk.v1"
    with house.channel() as channel:
        channel.queue_delete(name)
        channel.queue_declare(name, durable=True, auto_delete=False, arguments={"x-queue-type": "classic"})
    try:
        child = house.spawn("probe")
        eventually(lambda: not child.alive)
        assert child.exit_code == 78
        assert f"the queue {name} has other arguments" in "\n".join(child.last_lines(5))
    finally:
        with house.channel() as channel:
            channel.queue_delete(name)
            declare(house.topology, channel)


WRONG = {
    "DESKWIRE_BATCH": "none",
    "LOG_LEVEL": "loud",
    "AMQP_URI": "http://desk:topsecret@broker/",
    "DESKWIRE_SLA_FILE": "/nowhere.yaml",
}


@pytest.mark.parametrize("program", [["shared.runner", "incident"], ["shared.relay"]], ids=["service", "relay"])
def test_wrong_settings_end_a_process_at_once_with_every_fault_and_no_secret(program: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *program], env=WRONG, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 78
    assert all(name in done.stderr for name in WRONG)
    assert "topsecret" not in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("program", [["shared.runner", "incident"], ["shared.relay"], ["services.gateway.service"]])
def test_an_ops_port_that_is_taken_ends_a_process_with_one_sentence(program: list[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        environment = {"DESKWIRE_OPS_PORT": port}
        done = subprocess.run(
            [sys.executable, "-m", *program],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 78
    assert f"127.0.0.1:{port} cannot be had" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_database_a_process_waits_and_says_so(house: ProbeHouse, database: Database, tmp_path: Path) -> None:
    proxy = Proxy(database.port)
    proxy.start()
    proxy.refuse()
    # Else the driver asks the server for its own address, and goes past the proxy.
    uri = f"mongodb://127.0.0.1:{proxy.port}/?directConnection=true"
    with probe_house(house.broker, database, tmp_path, mongodb_uri=uri) as waiting:
        child = waiting.spawn("probe")
        eventually(lambda: waiting.get("probe", "/readyz")[0] == 503)
        assert "is starting" in waiting.get("probe", "/readyz")[1]
        assert waiting.get("probe", "/livez")[0] == 200
        proxy.heal()
        waiting.wait_ready("probe", 20)
        (event,) = waiting.tell("keep")
        eventually(lambda: event.id in waiting.kept())
        proxy.refuse()
        (later,) = waiting.tell("raise")
        eventually(lambda: "waiting to handle a batch" in "\n".join(child.last_lines(20)))
        eventually(lambda: "database" in waiting.get("probe", "/readyz")[1])
        assert waiting.get("probe", "/readyz")[0] == 503
        # No message is at fault: none uses up an attempt while the database is away.
        assert waiting.dead() == {}
        proxy.heal()
        eventually(lambda: later.id in waiting.dead())
        assert waiting.dead()[later.id].attempts == 4
        eventually(lambda: waiting.get("probe", "/readyz")[0] == 200)
    proxy.close()
