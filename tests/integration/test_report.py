"""`deskwire report` on a real broker, with the rights of a foreign sender."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pika
import pytest
from click.testing import CliRunner

from deploy.local.access import OPERATOR, SENDER
from deskwire.cli import cli
from deskwire.commands.report import build, message_of
from deskwire.session import user_of
from shared.errors import Unavailable
from shared.publisher import Publisher
from shared.topology import INTAKE
from tests.house import House

OPTIONS = dict.fromkeys(("service", "ci", "key", "description", "reference"))


def test_a_report_names_who_is_logged_in(
    make_house: Callable[[], House], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = make_house()
    monkeypatch.setenv("DESKWIRE_VAR", str(tmp_path))
    monkeypatch.setenv("AMQP_URI", house.uri(SENDER))
    connection = pika.BlockingConnection(pika.URLParameters(house.uri(OPERATOR)))
    channel = connection.channel()
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, INTAKE, "#")
    assert CliRunner().invoke(cli, ["report", "Mail is down"]).exit_code == 0
    _, properties, _ = channel.basic_get(queue, auto_ack=True)
    connection.close()
    assert properties.user_id == user_of(house.uri(SENDER))


def test_the_broker_refuses_the_name_of_another(make_house: Callable[[], House]) -> None:
    house = make_house()
    event = build("Mail is down", **OPTIONS, severity="error", resolved=False)  # type: ignore[arg-type]
    publisher = Publisher(house.uri(SENDER))
    with pytest.raises(Unavailable, match="user_id"):
        publisher.publish([message_of(event, house.uri(OPERATOR))])
    publisher.close()
