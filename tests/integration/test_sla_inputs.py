"""A calendar that changes while sla is away: what is due moves when it starts again, and is told once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from deploy.local.process import wait_for
from deskwire.commands.report import build
from tests.house import RELAY_PROCESS, House

SETTINGS = """
calendars:
  office: {{zone: UTC, week: 24x7, exceptions: [{closed}]}}
policies:
  - {{name: standard, calendar: office, response: 30h, resolution: 60h}}
"""


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    file = tmp_path / "sla.yaml"
    file.write_text(SETTINGS.format(closed=""), encoding="utf-8")
    return file


def due(house: House) -> dict[str, datetime]:
    return {row["_id"]: row["due_at"] for row in house.rows("sla", "clocks")}


def looked_at(house: House) -> dict[str, datetime]:
    return {row["_id"]: row["at"] for row in house.rows("sla", "due")}


def recomputed(house: House) -> list[dict[str, Any]]:
    rows = house.rows("sla", "journal", {"type": "sla.recomputed"})
    return [orjson.loads(row["body"])["data"] for row in rows]


def restart(house: House) -> None:
    house.processes["sla"].stop(30)
    house.start(["sla"])


def test_a_calendar_that_changed_while_sla_was_away_moves_what_is_due_once(
    make_house: Callable[..., House], settings: Path
) -> None:
    house = make_house(environment={"DESKWIRE_SLA_FILE": str(settings)})
    house.start(["incident", "sla", RELAY_PROCESS])
    options: dict[str, Any] = dict.fromkeys(("service", "ci", "key", "description", "reference"))
    house.publish(build("Mail is down", **options, severity="critical", resolved=False))
    assert wait_for(lambda: len(due(house)) == 2, 30)
    before, rows_before = due(house), looked_at(house)
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()

    settings.write_text(SETTINGS.format(closed=f"{{date: {tomorrow}, closed: true, name: Strike}}"), encoding="utf-8")
    restart(house)
    day = timedelta(days=1)
    assert wait_for(lambda: due(house) == {key: at + day for key, at in before.items()}, 30), (before, due(house))
    assert looked_at(house) == {key: at + day for key, at in rows_before.items()}
    told = recomputed(house)
    assert {one["change"]["why"] for one in told} == {"calendar office changed"}
    assert sorted(one["number"] for one in told) == sorted(before)

    restart(house)
    with house.client() as client:
        database = client[f"{house.prefix}sla"]
        database["cases"].update_many({}, {"$unset": {"edition": "", "unended": ""}})
    assert wait_for(lambda: all("edition" in row for row in house.rows("sla", "cases")), 30)
    assert len(recomputed(house)) == 2
    verified = house.call("sla", "verify")
    assert (verified["checked"], verified["differences"]) == (2, [])
