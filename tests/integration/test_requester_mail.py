"""A requester's mail on its whole way: a person opens an incident, and a real mail server gets the letters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
import yaml
from aiosmtpd.controller import Controller

from deploy.local.ports import free_port
from deploy.local.process import wait_for
from shared.config import SETTINGS_FOLDER
from tests.house import RELAY_PROCESS, House
from tests.integration.notify_channels.receivers import MailServer

RITA = "rita@customer.example"
KATHMANDU = ZoneInfo("Asia/Kathmandu")
"""A zone that no machine has by accident: 5:45 ahead of UTC."""
RESPONSE, RESOLUTION = timedelta(seconds=5), timedelta(seconds=10)


@pytest.fixture
def mail(make_house: Callable[..., House], tmp_path: Path) -> Iterator[tuple[House, MailServer]]:
    """Services that know Rita's address, and the mail server to which they bring her letters."""
    server, port = MailServer(), free_port()
    controller = Controller(server, hostname="127.0.0.1", port=port)
    controller.start()
    environment = {
        "DESKWIRE_SLA_FILE": write(tmp_path / "sla.yaml", sla_settings()),
        "DESKWIRE_NOTIFY_FILE": write(tmp_path / "notify.yaml", notify_settings()),
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(port),
    }
    house = make_house(environment=environment)
    house.start(["incident", "sla", "notify", "problem", RELAY_PROCESS])
    yield house, server
    controller.stop()


def write(file: Path, settings: dict[str, Any]) -> str:
    file.write_text(yaml.safe_dump(settings))
    return str(file)


def sla_settings() -> dict[str, Any]:
    """A desk in Kathmandu that is always open; what is urgent is due within seconds."""
    slow = {"name": "slow", "calendar": "desk", "response": "8h", "resolution": "80h"}
    quick = {**slow, "name": "quick", "response": "5s", "resolution": "10s"}
    calendar = {"zone": "Asia/Kathmandu", "week": "24x7"}
    return {"calendars": {"desk": calendar}, "policies": {"P1": quick, "P2": slow, "P3": slow, "P4": slow}}


def notify_settings() -> dict[str, Any]:
    """The rules as shipped; only the addresses are this test's own."""
    shipped: dict[str, Any] = yaml.safe_load((SETTINGS_FOLDER / "notify.yaml").read_text())
    return {**shipped, "addresses": {**shipped["addresses"], "rita": {"email": RITA}}}


def letters(server: MailServer) -> list[EmailMessage]:
    """What Rita got, and nobody else with her."""
    return [message for recipients, message in list(server.accepted) if recipients == [RITA]]


def lines(letter: EmailMessage) -> list[str]:
    return list(letter.get_content().splitlines())


def local(at: datetime) -> str:
    text = at.astimezone(KATHMANDU).isoformat(sep=" ", timespec="seconds" if at.second else "minutes")
    return f"{text[:-6]} {text[-6:]}"


def test_a_requester_gets_a_letter_with_each_promise_in_the_desks_time_and_none_of_a_breach(
    mail: tuple[House, MailServer],
) -> None:
    house, server = mail
    number = house.call("incident", "open", title="Mail is down", requester="rita", service="mail")["number"]
    assert wait_for(lambda: len(letters(server)) == 1, 30)
    house.wait_quiet()
    (first,) = letters(server)
    (incident,) = house.rows("incident", "incidents")
    opened = incident["opened_at"].replace(microsecond=0)
    assert incident["priority"] == "P3"
    assert first["Subject"] == f"{number}: we have your request"
    assert lines(first)[-3:] == [
        f"Reply:     by {local(opened + timedelta(hours=8))}",
        f"Solution:  by {local(opened + timedelta(hours=80))}",
        "Times are those of Asia/Kathmandu.",
    ]

    house.call("incident", "prioritise", number, impact="high", urgency="high")
    assert wait_for(lambda: len(letters(server)) == 2, 30)
    second = letters(server)[1]
    assert second["Subject"] == f"{number}: what you can expect has changed"
    assert f"{number} has priority P1 now." in lines(second)
    assert lines(second)[-3:-1] == [
        f"Reply:     by {local(opened + RESPONSE)}",
        f"Solution:  by {local(opened + RESOLUTION)}",
    ]

    assert wait_for(lambda: {row["state"] for row in house.rows("sla", "clocks")} == {"breached"}, 60)
    house.wait_quiet()
    assert len(letters(server)) == 2
    told = [orjson.loads(row["body"]) for row in house.rows("sla", "journal")]
    assert [one["data"]["change"]["why"] for one in told if one["type"] == "sla.expected"] == [
        "first-promise",
        "priority-changed",
    ]
    assert sum(one["type"] == "sla.breached" for one in told) == 2
