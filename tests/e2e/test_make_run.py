"""What a newcomer types, taken from the README: start, report, look, stop, start again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator

import pytest

from deploy.local.bootstrap import fingerprint
from deploy.local.broker import find_server
from deploy.local.folders import ROOT
from deploy.local.process import wait_for
from tests.e2e.machine import STOP_SECONDS, UP, Machine, Running, sender_uri, taken
from tests.e2e.readme import Typed, mask, masked, typed

STAMP = ROOT / ".venv" / "lock.sha256"

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
    pytest.mark.skipif(find_server() is None, reason="RabbitMQ is not on this machine"),
    # `make run` would renew the environment in which this very test runs.
    pytest.mark.skipif(
        not STAMP.is_file() or STAMP.read_text() != fingerprint(ROOT), reason=".venv is not this folder's: make setup"
    ),
]

START = "make run"
COMMANDS = [one for one in typed() if one.command.startswith(".venv/bin/deskwire")]
AMQP = [one for one in typed() if one.command.startswith("amqp-publish")]
NUMBER = "INC0000001"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    one = Machine(folder=tmp_path_factory.mktemp("machine"))
    yield one
    one.clear()


@pytest.fixture(scope="module")
def first(machine: Machine) -> Iterator[Running]:
    """The first start, by the README's own command."""
    assert START in [one.command for one in typed()]
    running = machine.start(START)
    print(f"\nfirst start: {time.monotonic() - running.began:.1f} s")
    yield running
    running.close()


def test_the_start_says_what_the_readme_shows(first: Running) -> None:
    (shown,) = [one.shown for one in typed() if one.command == START]
    assert set(masked("\n".join(shown))) <= set(masked(first.said()))


def test_the_printed_lines_report_an_alert_and_show_its_incident(first: Running, machine: Machine) -> None:
    report, show = printed(first)[:2]
    assert machine.type(report).code == 0
    assert wait_for(lambda: NUMBER in machine.type(show).out, 30)
    assert report in [one.command for one in COMMANDS]
    assert show in [one.command for one in COMMANDS]


@pytest.mark.parametrize("one", COMMANDS, ids=lambda one: one.command[:40])
def test_each_command_of_the_readme_answers_as_shown(first: Running, machine: Machine, one: Typed) -> None:
    assert wait_for(lambda: not is_busy(machine), 30)
    answer = machine.type(one.command)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.strip()
    if one.shown:
        assert masked("\n".join(one.shown)) == masked(answer.out)


@pytest.mark.parametrize("one", COMMANDS, ids=lambda one: one.command[:40])
def test_each_command_also_answers_with_json(first: Running, machine: Machine, one: Typed) -> None:
    assert wait_for(lambda: not is_busy(machine), 30)
    answer = machine.type(f"{one.command} --json")
    assert (answer.code, answer.err) == (0, "")
    json.loads(answer.out)


@pytest.mark.skipif(shutil.which("amqp-publish") is None, reason="amqp-publish (amqp-tools) is not on this machine")
def test_a_client_that_is_not_ours_reports_too(first: Running, machine: Machine) -> None:
    assert machine.type(printed(first)[2]).code == 0
    (readme,) = AMQP
    uri = sender_uri(first.said())
    assert mask(uri) in mask(readme.command)
    assert machine.type(readme.command.replace("amqp://sender:<password>@127.0.0.1:5672/deskwire", uri)).code == 0

    def titles() -> list[str]:
        return [record["title"] for record in json.loads(machine.type(f"{SHOW} --json").out)["records"]]

    assert wait_for(lambda: "The VPN is down" in titles(), 30)
    # The printed line has the key of the alert that was reported before: it joins that incident.
    assert titles() == ["Mail does not leave the building", "The VPN is down"]


def test_a_second_start_beside_the_first_says_where_that_one_runs(first: Running, machine: Machine) -> None:
    answer = machine.type(f"{UP_COMMAND}")
    assert answer.code == 3
    assert answer.err.startswith("Deskwire already runs here")
    assert len(answer.err.splitlines()) == 1


def test_ctrl_c_stops_everything_in_order_and_the_next_start_finds_its_data(first: Running, machine: Machine) -> None:
    print(f"\nresident: {machine.resident_bytes() / 1024**2:.0f} MB")
    before = machine.type(f".venv/bin/deskwire show {NUMBER} --json").out
    began = time.monotonic()
    first.ctrl_c()
    print(f"stopped in {time.monotonic() - began:.1f} s")
    assert first.said().rstrip().endswith("Stopped.")
    assert "killed" not in first.said()
    assert machine.processes() == []

    again = machine.start(START)
    try:
        print(f"second start: {time.monotonic() - again.began:.1f} s")
        assert machine.type(f".venv/bin/deskwire show {NUMBER} --json").out == before
        assert sender_uri(again.said()) == sender_uri(first.said())
        # `kill` names the process that deskwire itself is; make ends with its exit code.
        os.kill(int((machine.var / "lock").read_text()), signal.SIGTERM)
        assert again.process.wait(STOP_SECONDS) == 0
        assert again.said().rstrip().endswith("Stopped.")
        assert machine.processes() == []
    finally:
        again.close()


def test_nothing_outlives_a_supervisor_that_is_killed(machine: Machine) -> None:
    running = Running(f"{UP_COMMAND} --json", machine)
    try:
        assert wait_for(lambda: running.ended or '"event": "up"' in running.said(), 150), running.said()
        assert len(machine.processes()) > 10
        running.process.kill()
        assert wait_for(lambda: machine.processes() == [], 20), machine.processes()
        assert machine.type(".venv/bin/deskwire show INC0000001").code == 3
    finally:
        running.close()


def test_ctrl_c_on_the_way_up_stops_what_was_started(machine: Machine) -> None:
    running = Running(UP_COMMAND, machine)
    try:
        assert wait_for(lambda: running.ended or "database" in running.said(), 60), running.said()
        assert running.ctrl_c() == 0
        assert UP not in running.said()
        assert machine.processes() == []
    finally:
        running.close()


def test_a_taken_port_is_named_in_one_sentence(machine: Machine) -> None:
    port = machine.ops_base + 4
    with taken(port):
        answer = machine.type(UP_COMMAND)
        assert machine.type(".venv/bin/deskwire doctor").code == 4
    assert (answer.code, answer.out) == (3, "")
    assert answer.err.startswith(f"Another program listens on {port} (sla)")
    assert "DESKWIRE_OPS_BASE" in answer.err
    assert len(answer.err.splitlines()) == 1


def test_wrong_settings_are_all_named_before_anything_starts(machine: Machine) -> None:
    answer = machine.type(UP_COMMAND, DESKWIRE_AMQP_PORT="70000", LOG_LEVEL="LOUD", DESKWIRE_SLA_FILE="/nowhere.yaml")
    assert (answer.code, answer.out) == (5, "")
    assert [name for name in ("DESKWIRE_AMQP_PORT", "LOG_LEVEL", "DESKWIRE_SLA_FILE") if name not in answer.err] == []
    assert len(answer.err.splitlines()) == 1


def test_a_folder_that_cannot_be_written_is_told_in_one_sentence(machine: Machine) -> None:
    answer = machine.type(UP_COMMAND, DESKWIRE_VAR="/proc/nowhere")
    assert (answer.code, answer.out) == (3, "")
    assert answer.err.startswith("The data cannot be kept in /proc/nowhere")
    assert len(answer.err.splitlines()) == 1


def test_a_fault_in_a_services_settings_file_ends_the_start_with_its_place(machine: Machine) -> None:
    file = machine.folder / "sla.yaml"
    file.write_text("calendars: {}\npolicies: {}\n")
    answer = machine.type(UP_COMMAND, DESKWIRE_SLA_FILE=str(file))
    assert answer.code == 3
    assert answer.err.startswith(f"sla cannot start: {file}: line 2, policies.P1: there is no policy for it")
    assert len(answer.err.splitlines()) == 1
    assert machine.processes() == []


UP_COMMAND = ".venv/bin/deskwire up"
SHOW = ".venv/bin/deskwire incidents"


def printed(running: Running) -> list[str]:
    """The lines to copy that a start prints."""
    lines = [line.strip() for line in running.said().splitlines()]
    return [line for line in lines if line.startswith((".venv/bin/deskwire", "amqp-publish"))]


def is_busy(machine: Machine) -> bool:
    """Whether messages are still on their way."""
    queues = json.loads(machine.type(".venv/bin/deskwire status --json").out)["queues"]
    return any(queue["messages"] for queue in queues.values())
