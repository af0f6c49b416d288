"""Bindings that an earlier version made and this one does not want: named by the doctor, taken away by declaring."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from amqp import Message
from click.testing import CliRunner
from kombu import Connection

from deploy.local.access import OPERATOR
from deploy.local.folders import ROOT
from deskwire.cli import cli
from shared.management import Management
from tests.house import House

QUEUE = "sla.incident.normal.v1"
EXCHANGE = "incident.events"
OLD = "weather.#"
FOREIGN = "warehouse.incident"


@pytest.fixture
def house(make_house: Callable[..., House]) -> House:
    """A house with one binding of an earlier version, and a queue of somebody else's on our exchange."""
    one = make_house()
    with Connection(one.uri(OPERATOR)) as connection:
        channel = connection.default_channel
        channel.queue_bind(QUEUE, EXCHANGE, OLD)
        channel.queue_declare(FOREIGN, durable=True, auto_delete=False)
        channel.queue_bind(FOREIGN, EXCHANGE, OLD)
    return one


@pytest.fixture
def deskwire(house: House, tmp_path: Path) -> Callable[..., Any]:
    """Types a command of the operator's; answers with what it says in JSON."""
    addresses = {"AMQP_URI": house.uri(OPERATOR), "MONGODB_URI": house.database.uri, "DESKWIRE_VAR": str(tmp_path)}

    def run(*words: str, management: bool = True) -> Any:
        told = house.broker.management_uri if management else ""
        answer = CliRunner().invoke(cli, [*words, "--json"], env={**addresses, "DESKWIRE_MANAGEMENT": told})
        return json.loads(answer.stdout)

    return run


def bindings(house: House) -> set[tuple[str, str, str]]:
    found = Management(house.broker.management_uri).bindings(house.vhost)
    return {(one.exchange, one.key, one.queue) for one in found if one.exchange}


def finding(answer: Any) -> dict[str, Any]:
    (found,) = [one for one in answer["findings"] if one["subject"] == "bindings"]
    return dict(found)


def test_old_bindings_are_named_by_the_doctor_and_taken_away_by_declaring(
    house: House, deskwire: Callable[..., Any]
) -> None:
    before = bindings(house)
    told = finding(deskwire("doctor"))
    assert not told["well"]
    assert told["text"] == f"old ones: {EXCHANGE} {OLD} -> {QUEUE}"
    assert bindings(house) == before

    assert deskwire("topology", "--declare")["removed"] == [[EXCHANGE, OLD, QUEUE]]

    assert bindings(house) == before - {(EXCHANGE, OLD, QUEUE)}
    assert (EXCHANGE, OLD, FOREIGN) in bindings(house)
    assert finding(deskwire("doctor")) == {
        **told,
        "well": True,
        "text": "as the topology says",
    }
    assert deskwire("topology", "--declare")["removed"] == []


def test_what_lies_in_a_queue_stays_when_the_binding_it_came_by_goes(
    house: House, deskwire: Callable[..., Any]
) -> None:
    with Connection(house.uri(OPERATOR)) as connection:
        channel = connection.default_channel
        channel.confirm_select()
        for key in ("weather.changed", "incident.opened.normal"):
            channel.basic_publish_confirm(Message("{}", delivery_mode=2), EXCHANGE, key)
        deskwire("topology", "--declare")
        for key in ("weather.changed", "incident.opened.normal"):
            channel.basic_publish_confirm(Message("{}", delivery_mode=2), EXCHANGE, key)
    assert house.queue_lengths()[QUEUE] == 3


def test_where_only_amqp_is_at_hand_old_bindings_stay_and_the_commands_say_so(
    house: House, deskwire: Callable[..., Any]
) -> None:
    before = bindings(house)
    assert "only AMQP is at hand" in finding(deskwire("doctor", management=False))["text"]
    assert deskwire("topology", "--declare", management=False)["removed"] is None
    assert bindings(house) == before


@pytest.mark.parametrize(
    ("management", "said", "stays"),
    [("own", "removed 1 old bindings", False), ("http://127.0.0.1:9", "does not tell", True), ("", "only AMQP", True)],
)
def test_what_prepares_a_start_takes_old_bindings_away_where_it_can(
    house: House, management: str, said: str, stays: bool
) -> None:
    told = house.broker.management_uri if management == "own" else management
    done = subprocess.run(
        [sys.executable, "-m", "shared.declaring"],
        env={"AMQP_URI": house.uri(OPERATOR), "DESKWIRE_MANAGEMENT": told},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert said in done.stdout
    assert ((EXCHANGE, OLD, QUEUE) in bindings(house)) is stays


def test_a_user_without_the_management_tag_is_told_that_it_may_not_ask(
    house: House, deskwire: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = house.broker.management_uri.replace("operator:", "incident:")
    monkeypatch.setattr(type(house.broker), "management_uri", wrong)
    told = finding(deskwire("doctor"))
    assert not told["well"]
    assert "401" in told["text"]
