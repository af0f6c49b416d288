"""A notify that is told to stop while a slow mail server holds it up."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.access import OPERATOR
from deploy.local.folders import ROOT
from deploy.local.ports import free_port
from services.notify.domain.delivery import State
from shared.clock import SystemClock
from shared.envelope import Lane, decode
from shared.ids import SystemIds
from shared.lease import Leases
from shared.mongo import MongoStore
from tests.house import House, intake_message
from tests.integration.probe_house import eventually

SAMPLE = ROOT / "tests" / "contract" / "samples" / "incident.opened.json"
MAILS = 10
IDS = SystemIds()


class SlowMailServer:
    """Takes no mail before `open` is set; `begun` and `taken` are the Message-IDs in their order."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.begun: list[str] = []
        self.taken: list[str] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        identity = str(message_from_bytes(bytes(envelope.content or b""))["Message-ID"])
        self.begun.append(identity)
        await asyncio.to_thread(self.open.wait, 60)
        self.taken.append(identity)
        return "250 taken"


@pytest.fixture
def mail_server() -> Iterator[tuple[SlowMailServer, int]]:
    handler = SlowMailServer()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield handler, controller.port
    handler.open.set()
    controller.stop()


@pytest.fixture
def house(mail_server: tuple[SlowMailServer, int], broker: Any, database: Any, tmp_path: Path) -> Iterator[House]:
    file = tmp_path / "notify.yaml"
    rule = {"name": "opened", "events": ["incident.opened"], "to": ["desk"], "channel": "email"}
    settings = {
        "domain": "desk.example",
        "concurrent": 1,
        "smtp": {"sender": "desk@desk.example"},
        "addresses": {"desk": {"email": "desk@desk.example"}},
        "rules": [{**rule, "subject": "opened", "text": "{{ number }}\n"}],
    }
    file.write_text(yaml.safe_dump(settings))
    environment = {
        "DESKWIRE_NOTIFY_FILE": str(file),
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(mail_server[1]),
    }
    one = House(broker, database, tmp_path / "house", services=["notify"], environment=environment)
    one.declare()
    yield one
    one.stop()


def tell_of_incidents(house: House, count: int) -> None:
    sample = decode(SAMPLE.read_bytes())
    opened = [replace(sample, id=IDS.new()) for _ in range(count)]
    messages = [
        replace(intake_message(one, Lane.NORMAL), exchange="incident.events")  # as the relay publishes them
        for one in opened
    ]
    house.publish_raw(messages, user=OPERATOR)


def states(house: House) -> Counter[str]:
    return Counter(row["state"] for row in house.rows("notify", "deliveries"))


def plan_all(house: House) -> None:
    """Let every mail be planned before the first is sent: meanwhile the lease of sending is somebody else's."""
    with house.client() as client:
        store = MongoStore(client[f"{house.prefix}notify"])
        leases = Leases(store, SystemClock(), "the test", span=timedelta(hours=1))
        assert leases.acquire("send") is not None
        tell_of_incidents(house, MAILS)
        house.start(["notify"])
        eventually(lambda: states(house)[State.PLANNED.value] == MAILS)
        leases.release("send")


def test_no_mail_is_begun_once_the_process_is_stopping_and_the_others_go_out_later_once(
    house: House, mail_server: tuple[SlowMailServer, int]
) -> None:
    server, _ = mail_server
    plan_all(house)
    eventually(lambda: len(server.begun) == 1)
    child = house.processes["notify"]

    child.ask_to_stop()
    eventually(lambda: "stopping" in house.get("notify", "/readyz")[1])
    server.open.set()
    eventually(lambda: not child.alive)

    assert child.exit_code == 0
    assert server.begun == server.taken
    assert len(server.taken) == 1
    assert states(house) == {State.SENT.value: 1, State.PLANNED.value: MAILS - 1}

    house.start(["notify"])
    eventually(lambda: states(house) == {State.SENT.value: MAILS})
    assert Counter(server.taken) == dict.fromkeys(server.taken, 1)
    assert len(server.taken) == MAILS
