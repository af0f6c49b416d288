"""Dead letters of any making, on the wire: the operator sees each, sends it back and removes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pika
import pytest
from click.testing import CliRunner

from deploy.local.access import OPERATOR
from deploy.local.broker import Broker
from deploy.local.database import Database
from deskwire.commands import dead as commands
from shared.envelope import CONTENT_TYPE, encode
from shared.topology import INTAKE
from tests.integration.probe_house import ProbeHouse, eventually, make_do, probe_house

LONE_SURROGATE = b"\xed\xa0\x80"
ODD: dict[str, dict[str, Any]] = {
    "a lone surrogate": {"message_id": LONE_SURROGATE},
    "a pair of surrogates": {"message_id": b"\xed\xa0\xbd\xed\xb4\xa5"},
    "not UTF-8": {"message_id": b"st\xf6rung\xff"},
    "a NUL": {"message_id": b"a\x00b"},
    "an escape sequence": {"message_id": b"\x1b]0;owned\x07\x1b[2J"},
    "a change of direction": {"message_id": "abc\u202edef".encode()},
    "markup": {"message_id": b"[bold]x[/bold] [/] :smile:"},
    "as long as it may be": {"message_id": b"\xff" * 255},
    "no id": {"message_id": None},
    "an odd type of content": {"content_type": b"\xff\x00[red]"},
    "an unknown encoding": {"content_encoding": "rot13"},
    "an encoding that fails": {"content_encoding": "utf-16"},
    "an odd header": {"headers": {b"st\xf6rung": LONE_SURROGATE}},
    "nested tables": {"headers": {"a": {"b": {"c": [{"d": [1, -1, None, True, b"\xff"]}]}}}},
    "a table that is deep": {"headers": {"deep": eval("{'a':" * 60 + "1" + "}" * 60)}},
    "negative numbers": {"headers": {"x-attempt": -(2**31), "x-death": -1}, "priority": 255},
    "a time beyond the calendar": {"timestamp": 2**63},
    "forged headers": {"headers": {"x-reason": LONE_SURROGATE, "x-queue": "rpc-probe", "x-death": "no list"}},
    "odd addresses": {"reply_to": b"\xff" * 255, "correlation_id": LONE_SURROGATE, "app_id": b"\xff", "type": b"\xfe"},
}


@pytest.fixture(scope="module")
def house(broker: Broker, database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProbeHouse]:
    with probe_house(broker, database, tmp_path_factory.mktemp("odd")) as one:
        one.start(["probe"])
        yield one


@pytest.fixture
def run(house: ProbeHouse, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The operator's command on this house."""
    house.bury()
    for name, value in (
        ("AMQP_URI", house.uri(OPERATOR)),
        ("MONGODB_URI", house.database.uri),
        ("DESKWIRE_DATABASE_PREFIX", house.prefix),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(commands, "consumers", lambda: ("probe",))

    def command(*arguments: str) -> str:
        result = CliRunner().invoke(commands.dead, list(arguments), catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    return command


def put(house: ProbeHouse, exchange: str, key: str, body: bytes, odd: dict[str, Any]) -> None:
    with pika.BlockingConnection(pika.URLParameters(house.uri(OPERATOR))) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish(exchange, key, body, pika.BasicProperties(**{"content_type": CONTENT_TYPE, **odd}))


def listed(run: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("list", "--json"))
    return found


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
def test_an_odd_letter_hides_no_other_and_can_be_shown_and_discarded(
    house: ProbeHouse, run: Any, odd: dict[str, Any]
) -> None:
    put(house, INTAKE, "probe.do", b"{", {"message_id": "ordinary"})
    put(house, INTAKE, "probe.do", b'{"odd": ', {"message_id": "odd", **odd})
    eventually(lambda: house.queue_lengths()["probe.dead"] == 2)
    assert "ordinary" in run("list")
    letters = {letter["body"]: letter for letter in listed(run)}
    assert set(letters) == {"{", '{"odd": '}
    letter = letters['{"odd": ']
    assert (letter["reason"], letter["queue"]) == ("bad-json", "probe.intake.normal.v1")
    assert letter["message_id"].isprintable()
    assert "bad-json" in run("show", "probe", "--", letter["message_id"])
    run("discard", "probe", "--reason", "odd", "--yes", "--", letter["message_id"])
    assert [one["message_id"] for one in listed(run)] == ["ordinary"]
    run("discard", "probe", "--all", "--reason", "done", "--yes")


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
def test_an_odd_letter_that_somebody_else_put_there_is_shown_and_sent_back(
    house: ProbeHouse, run: Any, odd: dict[str, Any]
) -> None:
    event = make_do("keep")
    headers = {"x-queue": "probe.intake.normal.v1", "x-reason": "handler-error", **odd.get("headers", {})}
    put(house, "", "probe.dead", encode(event), {"message_id": "odd", **odd, "headers": headers})
    eventually(lambda: house.queue_lengths()["probe.dead"] == 1)
    (letter,) = listed(run)
    assert run("list")
    if letter["queue"] == "probe.intake.normal.v1":
        run("replay", "probe", "--", letter["key"])
        eventually(lambda: event.id in house.kept())
    else:
        run("discard", "probe", "--reason", "odd", "--yes", "--", letter["key"])
    assert listed(run) == []
