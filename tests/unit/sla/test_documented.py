"""What docs/sla.md and docs/sla-questions.md tell one to write and to type: settings load, commands answer as shown."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from deskwire.cli import Exit, cli
from services.sla.domain.policy import Agreements
from services.sla.settings import load, parse_agreements
from shared.config import SETTINGS_FOLDER
from tests.e2e.readme import Typed, typed
from tests.unit.sla.calls import connect
from tests.unit.sla.factories import SlaInMemory, make_event

DOCS = Path(__file__).parents[3] / "docs"
QUESTIONS, PAGE = DOCS / "sla-questions.md", DOCS / "sla.md"
YAML = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
CALENDARS = "calendars: {always: {zone: UTC, week: 24x7}, business: {zone: UTC, week: 24x7}}\n"
POLICIES = "policies: [{name: rest, calendar: always, response: 4h, resolution: 27h}]\n"
PART = "policies:\n  - name: one\n    calendar: business\n    response: 2h\n    resolution: 8h\n"
NUMBER = "INC0000123"
DAYS = (
    ("2026-04-01T10:30+02:00", {}),
    ("2026-04-01T10:40+02:00", {"state": "in_progress", "accepted_at": "2026-04-01T08:40:00.000Z"}),
    ("2026-04-01T16:30+02:00", {"state": "waiting", "waiting_reason": "user"}),
    ("2026-04-02T16:30+02:00", {"state": "in_progress"}),
    ("2026-04-07T16:30+02:00", {"state": "resolved"}),
)
"""The incident of the page."""


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The desk of the page, with the settings as shipped, on the day of the page; a draft lies beside it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DESKWIRE_SLA_SIGNING_KEY_FILE", str(tmp_path / "key.pem"))
    shipped = SETTINGS_FOLDER / "sla.yaml"
    (tmp_path / "draft.yaml").write_text(shipped.read_text(encoding="utf-8"), encoding="utf-8")
    sla = SlaInMemory(load(shipped))
    for version, (at, data) in enumerate(DAYS, start=1):
        sla.take(make_event(version, instant(at), data={"number": NUMBER, "team": "payroll", **data}))
    sla.clock.advance(instant("2026-04-21T11:00+02:00") - sla.clock.now())
    connect(monkeypatch, sla)
    monkeypatch.setattr("deskwire.commands.sla.store_of", lambda _: sla.store)


def run(command: str) -> Any:
    """The command as it stands on the page; a back-test in this process, where the memory is."""
    words = shlex.split(command)[1:]
    more = ["--workers", "1"] if "backtest" in words else []
    return CliRunner().invoke(cli, [*words, *more], standalone_mode=False)


@pytest.mark.parametrize("one", typed(QUESTIONS), ids=lambda one: one.command)
@pytest.mark.usefixtures("desk")
def test_a_command_of_the_page_answers_as_the_page_shows(one: Typed) -> None:
    result = run(one.command)
    assert result.exception is None
    assert result.return_value in (None, Exit.DONE)
    answered = [squeezed(line) for line in result.output.splitlines() if line.strip()]
    shown = [squeezed(line) for line in one.shown if line.strip()]
    assert not shown or len(answered) == len(shown)
    for there, here in zip(shown, answered, strict=False):
        assert here.startswith(there.removesuffix(" ..."))


@pytest.mark.usefixtures("desk")
def test_the_commands_in_the_text_of_the_page_do_what_it_says() -> None:
    assert run(f"deskwire sla explain {NUMBER} --html FILE --at 2026-04-02").exception is None
    assert run("deskwire sla check FILE").return_value == Exit.DONE
    assert run('deskwire sla check FILE --key "3f2a 91c0"').return_value == Exit.NOT_WELL
    assert run("deskwire sla report --csv").exception is None


def test_every_command_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"deskwire sla ([a-z]+)", QUESTIONS.read_text(encoding="utf-8")))
    assert named <= set(CliRunner().invoke(cli, ["sla", "--help"]).output.split())


@pytest.mark.parametrize("text", YAML, ids=lambda text: text.split(":")[0].strip())
def test_settings_of_the_page_are_read(text: str, tmp_path: Path) -> None:
    (tmp_path / "works-council.ics").write_text("BEGIN:VCALENDAR\nVERSION:2.0\nEND:VCALENDAR\n", encoding="utf-8")
    assert isinstance(parse_agreements(whole(text), name="page", folder=tmp_path), Agreements)


def whole(text: str) -> str:
    """A block of the page as a settings file, with what it leaves out; an indented one is part of a policy."""
    if text.startswith(" "):
        return CALENDARS + PART + text
    missing = {"calendars": CALENDARS, "policies": "" if "versions" in yaml.safe_load(text) else POLICIES}
    return "".join(part for name, part in missing.items() if f"{name}:" not in text.splitlines()[0]) + text


def squeezed(line: str) -> str:
    """The line without the width of its columns, and without what differs between editions of the inputs."""
    line = re.sub(r"\b[0-9a-f]{16}\b", "<fingerprint>", line)
    line = re.sub(r"time zone database \w+", "time zone database", line)
    return re.sub(r"\s+", " ", line).strip()
