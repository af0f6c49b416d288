"""`deskwire sla` against the running services: the questions as an operator asks them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mongoengine
import pytest
from click.testing import CliRunner

from deploy.local.access import OPERATOR
from deploy.local.process import wait_for
from deskwire.cli import Exit, cli
from deskwire.commands.report import build
from shared.config import SETTINGS_FOLDER
from tests.house import RELAY_PROCESS, House

NUMBER = "INC0000001"


@pytest.fixture
def desk(make_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[House]:
    """A house in which one incident was opened, whose clocks run."""
    house = make_house()
    house.start(["incident", "sla", RELAY_PROCESS])
    for name, value in {
        "AMQP_URI": house.uri(OPERATOR),
        "MONGODB_URI": house.database.uri,
        "DESKWIRE_VAR": str(tmp_path / "var"),
        "DESKWIRE_DATABASE_PREFIX": house.prefix,
    }.items():
        monkeypatch.setenv(name, value)
    options: dict[str, Any] = dict.fromkeys(("service", "ci", "key", "description", "reference"))
    house.publish(build("Mail is down", **options, severity="critical", resolved=False))
    assert wait_for(lambda: len(house.rows("sla", "clocks")) == 2, 30)
    yield house
    mongoengine.disconnect("operator-sla")


def run(*words: str) -> tuple[Any, Any]:
    """The answer, and the exit code where the command gives one."""
    result = CliRunner().invoke(cli, ["sla", *words, "--json"], standalone_mode=False)
    assert result.exception is None, result.exception
    return json.loads(result.output), result.return_value


def test_an_operator_gets_every_answer_from_the_running_services(desk: House, tmp_path: Path) -> None:
    page = tmp_path / "proof.html"
    answer, _ = run("explain", NUMBER, "--html", str(page))
    (span,) = answer["clocks"][0]["spans"]
    assert (span["event"]["type"], span["activity"]) == ("incident.opened", "running")
    checked, code = run("check", str(page))
    assert (checked["explanation"], code) == (answer, Exit.DONE)
    verified, code = run("verify")
    assert (verified["checked"], verified["differences"], code) == (2, [], Exit.DONE)
    assert run("report", "--by", "level")[0]["clocks"] == 2
    tried, _ = run("backtest", str(SETTINGS_FOLDER / "sla.yaml"), "--workers", "1")
    assert (tried["records"], tried["changes"]) == (1, [])


def test_a_requester_is_promised_and_told_when_it_moves(desk: House) -> None:
    opened = desk.call("incident", "open", title="Mail is down", requester="rita", service="mail", outage=True)
    number = opened["number"]
    assert wait_for(lambda: len(desk.rows("sla", "promises")) == 1, 30)
    assert run("expect", number, "--zone", "Europe/Berlin")[0]["reply"]["word"] == "expected"
    desk.call("incident", "wait", number, reason="user")
    assert wait_for(lambda: desk.rows("sla", "promises")[0]["version"] == 2, 30)
    answer, _ = run("expect", number)
    assert (answer["solution"]["word"], answer["solution"]["reason"]) == ("standing", "user")
    told = [row for row in desk.rows("sla", "journal") if row["type"] == "sla.expected"]
    assert [row["subject"] for row in told] == [f"{number}:expected"] * 2


def test_outages_and_clocks_that_run_out_are_found_by_their_indexes(desk: House) -> None:
    opened = desk.call("incident", "open", title="Mail is down", service="mail", outage=True)
    assert wait_for(lambda: len(desk.rows("sla", "outages")) == 1, 30)
    down = run("report", "--by", "service")[0]["downtime"]["rows"]
    assert [(row["service"], row["outages"]) for row in down] == [("mail", 1)]
    desk.call("incident", "prioritise", opened["number"], outage=False)
    assert wait_for(lambda: desk.rows("sla", "outages") == [], 30)
    answer, _ = run("predict", "--within", "24h")
    clocks = {one["number"]: one["prediction"] for one in answer["clocks"]}
    assert clocks[f"{NUMBER}:response"] is None
    assert clocks[f"{NUMBER}:resolution"]["outlook"] == "unknown"
