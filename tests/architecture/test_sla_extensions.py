"""A threshold's action, a kind of clock and a source of holidays are one file each, the one that the page names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT

PAGE = ROOT / "docs" / "sla.md"
ACTIONS, KINDS = "services/sla/domain/actions.py", "services/sla/domain/kinds.py"
SOURCES = "services/sla/holiday_sources/"
SETTINGS = """
calendars:
  office: {zone: UTC, week: 24x7, full_moons: 2026}
policies:
  - name: one
    calendar: office
    response: 1h
    resolution: 4h
    change_wait: 2h
    thresholds: [{at: 50%, actions: [open_bridge]}]
"""
TRY = """
import sys
from datetime import UTC, datetime, timedelta
from services.sla.domain.case import fold
from services.sla.domain.clock import advance
from services.sla.domain.firing import asks, Firing
from services.sla.domain.history import Entry
from services.sla.settings import parse_agreements

agreements = parse_agreements(sys.stdin.read(), name="tried")
at = datetime(2026, 3, 2, 9, tzinfo=UTC)
entry = {"incident": "INC1", "type": "incident.opened", "priority": "P3"}
entries = [
    Entry(**entry, version=1, at=at, state="new"),
    Entry(**entry, version=2, at=at, state="waiting", waiting_reason="change"),
]
case, _ = fold("INC1", entries, agreements)
run = case.runs[-1]
run, moments = advance(run, at + timedelta(hours=90), agreements)
asked = asks(moments[0].threshold, Firing.ACTS)
print(run.kind.value, [one.action.value for one in asked], sorted(map(str, agreements.calendars["office"].holidays)))
"""


def add_an_action(root: Path) -> None:
    edit(root / ACTIONS, 'NOTIFY = "notify"\n', '    OPEN_BRIDGE = "open_bridge"\n')
    edit(root / ACTIONS, 'Action.NOTIFY: "Tell the people concerned.",\n', '    Action.OPEN_BRIDGE: "Open a call.",\n')


def add_a_kind(root: Path) -> None:
    edit(root / KINDS, 'RESPONSE = "response"\n', '    CHANGE_WAIT = "change_wait"\n')
    row = """    Kind.CHANGE_WAIT: ClockKind(
        starts=lambda before, entry: entry.waiting_reason == "change",
        stops=lambda entry, *_: None if entry.waiting_reason == "change" else "back",
        repeats=True,
        waits=False,
    ),
"""
    edit(root / KINDS, "KINDS = {\n", row)


def add_a_source(root: Path) -> None:
    (root / SOURCES / "moons.py").write_text(
        "from datetime import date\n"
        "from marshmallow import fields\n"
        "class _Moons(fields.Field):\n"
        "    def _deserialize(self, value, attr, data, **kwargs):\n"
        "        return {date(value, 3, 3): 'full moon'}\n"
        "KEY, FIELD = 'full_moons', _Moons()\n",
        encoding="utf-8",
    )


def edit(file: Path, after: str, text: str) -> None:
    content = file.read_text(encoding="utf-8")
    assert content.count(after) == 1
    file.write_text(content.replace(after, after + text), encoding="utf-8")


WAYS = {"action": (add_an_action, ACTIONS), "kind": (add_a_kind, KINDS), "source": (add_a_source, SOURCES)}
ANSWER = "change_wait ['open_bridge'] ['2026-03-03']"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The source of sla, to change at will."""
    for folder in ("services/sla", "shared"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "services" / "__init__.py", tmp_path / "services" / "__init__.py")
    return tmp_path


def tried(root: Path) -> str:
    """What the settings above come to with the source in this folder."""
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", TRY],
        input=SETTINGS,
        capture_output=True,
        text=True,
        env=environment,
        cwd=root,
        check=False,
    )
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def test_one_file_each_adds_an_action_a_kind_of_clock_and_a_source_of_holidays(copy: Path) -> None:
    for add, _ in WAYS.values():
        add(copy)
    assert tried(copy) == ANSWER


@pytest.mark.parametrize("left_out", WAYS)
def test_none_of_them_is_known_before_it_is_added(copy: Path, left_out: str) -> None:
    for name, (add, _) in WAYS.items():
        if name != left_out:
            add(copy)
    assert tried(copy) != ANSWER


@pytest.mark.parametrize(("_add", "place"), WAYS.values(), ids=list(WAYS))
def test_the_page_names_the_place(_add: Callable[[Path], None], place: str) -> None:
    assert f"`{place}`" in PAGE.read_text(encoding="utf-8")
    assert (ROOT / place).exists()
