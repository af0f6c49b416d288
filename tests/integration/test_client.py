"""The client against a real broker, with the rights of a foreign sender."""

from __future__ import annotations

import contextlib
import os
import runpy
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pika
import pytest

from deploy.local.access import OPERATOR, SENDER
from deskwire_client import EXCHANGE, Reporter, Spool, build
from deskwire_client.cli import main
from deskwire_client.link import Link
from shared.envelope import CONTENT_TYPE, Envelope, decode
from tests.house import House

EXAMPLES = Path(__file__).parents[2] / "clients" / "examples"

Received = Callable[[int], list[tuple[Any, Any, Envelope]]]


@pytest.fixture
def house(make_house: Callable[[], House]) -> House:
    return make_house()


@pytest.fixture
def broker_uri(house: House) -> str:
    """The address of a foreign sender, who may publish to the intake and do nothing else."""
    return house.uri(SENDER)


@pytest.fixture
def received(house: House) -> Iterator[Received]:
    """Binds a queue of its own to the intake and waits for that many messages: (delivery, properties, event)."""
    connection = pika.BlockingConnection(pika.URLParameters(house.uri(OPERATOR)))
    channel = connection.channel()
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, EXCHANGE, "#")

    def wait(count: int) -> list[tuple[Any, Any, Envelope]]:
        found: list[tuple[Any, Any, Envelope]] = []
        until = time.monotonic() + 10
        while len(found) < count and time.monotonic() < until:
            method, properties, body = channel.basic_get(queue, auto_ack=True)
            if method is None:
                connection.process_data_events(0.02)
            else:
                found.append((method, properties, decode(body)))
        assert len(found) == count
        return found

    yield wait
    connection.close()


def test_a_report_is_confirmed_and_arrives_as_the_contract_says(broker_uri: str, received: Received) -> None:
    with Reporter(broker_uri, source="/m") as desk:
        receipt = desk.alert(dedup_key="k", title="Disk full", severity="critical", lane="urgent")
    ((method, properties, event),) = received(1)
    assert receipt.status == "confirmed"
    assert method.routing_key == "alert.firing.urgent"
    assert (properties.content_type, properties.delivery_mode) == (CONTENT_TYPE, 2)
    assert properties.message_id == event.id == receipt.id
    assert properties.user_id == pika.URLParameters(broker_uri).credentials.username
    assert event.data["title"] == "Disk full"


def test_one_reporter_reports_many_over_one_connection_in_order(broker_uri: str, received: Received) -> None:
    with Reporter(broker_uri, source="/m") as desk:
        ids = [desk.resolve(dedup_key=str(number)).id for number in range(50)]
    assert [event.id for _, _, event in received(50)] == ids


def test_what_was_kept_while_the_broker_was_away_arrives_once_and_in_order(
    broker_uri: str, received: Received, tmp_path: Path
) -> None:
    with Reporter("amqp://127.0.0.1:1", source="/m", spool=tmp_path, deadline=0.05) as away:
        kept = [away.alert(dedup_key=str(number), title="t").id for number in range(250)]
    with Reporter(broker_uri, source="/m", spool=tmp_path) as desk:
        kept.append(desk.resolve(dedup_key="0").id)
        assert desk.flush().sent == 0
    assert [event.id for _, _, event in received(251)] == kept
    assert len(Spool(tmp_path)) == 0


def test_a_connection_that_was_lost_is_made_anew(broker_uri: str, received: Received) -> None:
    with Reporter(broker_uri, source="/m") as desk:
        first = desk.resolve(dedup_key="1").id
        desk._link._connection._transport._sock.shutdown(socket.SHUT_RDWR)
        second = desk.resolve(dedup_key="2")
    assert second.status == "confirmed"
    assert [event.id for _, _, event in received(2)] == [first, second.id]


def test_a_wrong_password_is_said_at_once_and_the_event_is_kept(broker_uri: str, tmp_path: Path) -> None:
    user = pika.URLParameters(broker_uri).credentials.username
    wrong = broker_uri.replace(f"{user}:", f"{user}:not-", 1)
    began = time.monotonic()
    with Reporter(wrong, source="/m", spool=tmp_path) as desk:
        receipt = desk.resolve(dedup_key="k")
    assert receipt.status == "spooled"
    assert "ACCESS_REFUSED" in (receipt.reason or "")
    assert time.monotonic() - began < 5


def test_an_event_that_does_not_fit_the_wire_stops_no_other(broker_uri: str, received: Received) -> None:
    events = [build("alert.resolved", {"dedup_key": "k"}, source="/m", event_id=one) for one in ("e1", "bad", "e2")]
    events[1] = replace(events[1], id="\u00e9" * 128)
    link = Link(broker_uri)
    try:
        for count in (2, 0):
            sent = link.send(events[:3] if count else events[1:2], 5)
            assert (len(sent.confirmed), list(sent.unfit), sent.fault) == (count, [events[1]], None)
    finally:
        link.close()
    assert [event.id for _, _, event in received(2)] == ["e1", "e2"]


def test_the_command_reports_and_flushes(broker_uri: str, received: Received, tmp_path: Path) -> None:
    common = ["--dedup-key", "k", "--spool", str(tmp_path), "--id", "e1"]
    assert main(["report", *common, "--title", "t", "--uri", "amqp://127.0.0.1:1", "--deadline", "0.05"]) == 3
    assert main(["flush", "--spool", str(tmp_path), "--uri", broker_uri]) == 0
    assert [event.id for _, _, event in received(1)] == ["e1"]


@pytest.mark.parametrize(
    ("example", "types"),
    [
        ("report_alert.py", ["alert.firing", "alert.resolved"]),
        ("submit_ticket.py", ["ticket.submitted", "ticket.action"]),
        ("deployment.py", ["change.deployed"]),
    ],
)
def test_every_example_reports_what_it_says(
    example: str, types: list[str], broker_uri: str, received: Received, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMQP_URI", broker_uri)
    runpy.run_path(str(EXAMPLES / example), run_name="__main__")
    assert [event.type for _, _, event in received(len(types))] == types


def test_an_alert_needs_no_code_of_ours(broker_uri: str, received: Received) -> None:
    if subprocess.run(["which", "amqp-publish"], capture_output=True).returncode:
        pytest.skip("amqp-publish is not installed (Debian's package amqp-tools)")
    environment = {**os.environ, "AMQP_URI": broker_uri}
    subprocess.run([str(EXAMPLES / "report_alert.sh"), "Disk full"], env=environment, check=True, timeout=20)
    ((method, _, event),) = received(1)
    assert (method.routing_key, event.type, event.data["title"]) == ("alert.firing", "alert.firing", "Disk full")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own of 64 KB; making one needs the rights of root."""
    folder = tmp_path / "spool"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def run(spool: Path, uri: str, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent), "AMQP_URI": uri, "DESKWIRE_SPOOL": str(spool)}
    command = [sys.executable, "-m", "deskwire_client", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)


def report(key: str) -> tuple[str, ...]:
    return ("report", "--dedup-key", key, "--title", "t", "--id", key, "--deadline", "5")


def test_a_spool_on_a_read_only_disk_is_sent_with_what_comes_and_warned_of(
    broker_uri: str, received: Received, small_disk: Path
) -> None:
    kept = run(small_disk, "amqp://a:b@127.0.0.1:1/x", *report("a")[:-1], "0.2")
    assert kept.returncode == 3
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    sent = run(small_disk, broker_uri, *report("b"))
    assert (sent.returncode, sent.stdout) == (0, "b confirmed\n")
    assert sent.stderr.splitlines() == [
        f"deskwire-client: the spool {small_disk} cannot be used: Read-only file system"
    ]
    assert [event.id for _, _, event in received(2)] == ["a", "b"]
    lost = run(small_disk, "amqp://a:b@127.0.0.1:1/x", *report("c")[:-1], "0.2")
    assert lost.returncode == 4
    assert "cannot be written: Read-only file system" in lost.stderr
    assert "Traceback" not in lost.stderr


def test_a_full_disk_stops_no_event_that_the_broker_takes(
    broker_uri: str, received: Received, small_disk: Path
) -> None:
    with contextlib.suppress(OSError):
        (small_disk / "filler").write_bytes(b"x" * 70_000)
    assert run(small_disk, broker_uri, *report("a")).returncode == 0
    lost = run(small_disk, "amqp://a:b@127.0.0.1:1/x", *report("b")[:-1], "0.2")
    assert lost.returncode == 4
    assert "No space left" in lost.stderr
    assert [event.id for _, _, event in received(1)] == ["a"]
