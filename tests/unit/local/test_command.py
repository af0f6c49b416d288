"""The operator's command: its pure parts, and what it says without a stack."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy.local.probe import Sample
from deskwire.cli import COMMANDS, Exit, cli, exit_code
from deskwire.commands.report import build, message_of
from deskwire.console import Voice
from deskwire.examples import amqp_publish_line, report_line
from deskwire.status import QueueState, ServiceState, Status, journal_fault, journal_of
from shared.envelope import Lane, decode
from shared.errors import DeskwireError, NotFound, Unavailable
from shared.testing import make_instant

OPTIONS = {
    "service": "mail",
    "ci": None,
    "severity": "critical",
    "key": None,
    "description": None,
    "resolved": False,
    "reference": None,
}


def make_status(**overrides: object) -> Status:
    ready = ServiceState(name="sla", port=9704, faults={})
    return Status(**{"services": (ready,), "queues": (), **overrides})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output


def test_the_exit_codes_are_documented() -> None:
    described = CliRunner().invoke(cli, ["--help"]).output
    assert all(f"  {code.value}  " in described for code in Exit)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Unavailable("away"), Exit.UNREACHABLE),
        (NotFound("gone"), Exit.REFUSED),
        (DeskwireError("no", slug="not-allowed-in-this-state"), Exit.REFUSED),
        (DeskwireError("broken", slug="internal-error"), Exit.ERROR),
    ],
)
def test_an_error_has_the_exit_code_of_its_kind(error: DeskwireError, code: Exit) -> None:
    assert exit_code(error) is code


def test_an_alert_travels_in_the_lane_of_its_severity() -> None:
    event = build("Mail is down", **OPTIONS)  # type: ignore[arg-type]
    assert event.type == "alert.firing"
    assert event.lane is Lane.URGENT
    assert event.data["service"] == "mail"


@pytest.mark.parametrize(
    ("word", "lane"), [("CRITICAL", Lane.URGENT), ("Info ", Lane.BULK), ("DOWN", Lane.NORMAL), ("", Lane.NORMAL)]
)
def test_an_alert_of_any_severity_is_reported(word: str, lane: Lane) -> None:
    assert build("Mail is down", **{**OPTIONS, "severity": word}).lane is lane  # type: ignore[arg-type]


def test_a_report_of_odd_bytes_or_blank_options_travels() -> None:
    odd = {**OPTIONS, "ci": "INC\udcff1", "service": "", "key": " ", "description": "d" * 40_000}
    event = decode(message_of(build("St\udcf6rung", **odd), "amqp://broker/").body)  # type: ignore[arg-type]
    assert (event.data["title"], event.data["ci"]) == ("St\\udcf6rung", "INC\\udcff1")
    assert event.data["dedup_key"].strip()


def test_the_same_alert_has_the_same_key() -> None:
    first, again = (build("Mail is down", **OPTIONS) for _ in range(2))  # type: ignore[arg-type]
    assert first.data["dedup_key"] == again.data["dedup_key"]
    assert first.id != again.id


@pytest.mark.parametrize(
    ("uri", "user"),
    [("amqp://kim%40home:s3cret@broker/deskwire", "kim@home"), ("amqp://broker/deskwire", "guest")],
)
def test_a_report_goes_under_the_name_of_the_user_who_is_logged_in(uri: str, user: str) -> None:
    message = message_of(build("Mail is down", **OPTIONS), uri)  # type: ignore[arg-type]
    assert message.properties["user_id"] == user
    assert message.routing_key == "alert.firing.urgent"


def test_an_alert_that_is_over_keeps_its_key() -> None:
    firing = build("Mail is down", **OPTIONS)  # type: ignore[arg-type]
    over = build("Mail is down", **{**OPTIONS, "resolved": True})  # type: ignore[arg-type]
    assert over.type == "alert.resolved"
    assert over.data["dedup_key"] == firing.data["dedup_key"]


def test_a_ticket_carries_its_reference() -> None:
    event = build("Cannot print", **{**OPTIONS, "reference": "WEB-17"})  # type: ignore[arg-type]
    assert event.type == "ticket.submitted"
    assert event.data["external_ref"] == "WEB-17"


def test_the_line_for_foreign_senders_is_a_valid_event_after_the_shell_has_read_it() -> None:
    line = amqp_publish_line("amqp://sender:secret@broker/deskwire", at=make_instant(), event_id="one")
    words = shlex.split(line)
    event = decode(words[words.index("-b") + 1].encode())
    assert event.type == "alert.firing"
    assert "-p" in words
    assert shlex.split(report_line("deskwire"))[2] == event.data["title"]


def test_the_journal_is_read_from_the_relays_metrics() -> None:
    samples: list[Sample] = [
        ("itsm_journal_unsent", {"service": "sla"}, 3.0),
        ("itsm_journal_oldest_unsent_seconds", {"service": "sla"}, 1.5),
        ("itsm_dead_letters", {"service": "sla"}, 9.0),
    ]
    assert journal_of(samples) == {"sla": (3, 1.5)}


@pytest.mark.parametrize(
    ("faults", "journal", "fault"),
    [
        ({}, {"sla": (0, 0.0), "notify": (7, 1.0)}, None),
        ({}, {"sla": (0, 0.0)}, "the relay does not say what it has yet to send for notify"),
        ({"process": "does not answer"}, {}, "the relay does not say what it has yet to send"),
        ({"sla": "has not run yet"}, {"sla": (0, 0.0), "notify": (0, 0.0)}, "the relay does not say"),
    ],
)
def test_journals_are_known_when_a_relay_that_works_has_counted_each(
    faults: dict[str, str], journal: dict[str, tuple[int, float]], fault: str | None
) -> None:
    relay = ServiceState(name="relay", port=9708, faults=faults)
    found = journal_fault((relay,), journal, ("sla", "notify"))
    assert found is None if fault is None else str(found).startswith(fault)


def test_all_ready_and_nothing_dead_is_well() -> None:
    assert make_status().well


@pytest.mark.parametrize(
    "overrides",
    [
        {"services": (ServiceState(name="sla", port=9704, faults={"broker": "is away"}),)},
        {"queues": (QueueState(name="sla.dead", messages=1, consumers=0),)},
        {"queues": (QueueState(name="sla.incident.normal.v1", messages=None, consumers=None),)},
        {"broker_fault": "The broker does not answer."},
        {"journal_fault": "the relay does not say"},
    ],
)
def test_what_somebody_must_look_at_is_not_well(overrides: dict[str, object]) -> None:
    assert not make_status(**overrides).well


def test_json_says_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    voice = Voice(as_json=True)
    voice.line("for people")
    voice.table(("a",), [("for people",)])
    voice.answer({"for": "programs"})
    assert json.loads(capsys.readouterr().out) == {"for": "programs"}


def test_without_a_stack_a_command_says_how_to_start_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKWIRE_VAR", str(tmp_path))
    monkeypatch.delenv("AMQP_URI", raising=False)
    result = CliRunner().invoke(cli, ["report", "Mail is down"])
    assert isinstance(result.exception, Unavailable)
    assert "make run" in str(result.exception)
