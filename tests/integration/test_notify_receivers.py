"""A notify whose receivers go wrong: what is for the others goes out all the same."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiosmtpd.controller import Controller

from deploy.local.access import OPERATOR
from deploy.local.folders import ROOT
from deploy.local.ports import free_port
from shared.envelope import Lane, decode
from shared.ids import SystemIds
from tests.house import House, intake_message
from tests.integration.notify_channels.receivers import LateMailServer
from tests.integration.probe_house import eventually
from tests.misbehaviour import Manner, Peer
from tests.unit.notify.factories import SECRET

SAMPLE = ROOT / "tests" / "contract" / "samples" / "incident.opened.json"
IDS = SystemIds()
SLOW = 10
DELIVERIES = 1_000


@pytest.fixture
def mail_server() -> Iterator[tuple[LateMailServer, int]]:
    handler = LateMailServer()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield handler, controller.port
    controller.stop()


@pytest.fixture
def peers() -> Iterator[list[Peer]]:
    manners = (("status", Manner.DRIPPING), ("informational", Manner.ENDLESS), ("status", Manner.SILENT))
    made = [Peer(*manners[number % len(manners)]) for number in range(SLOW)]
    yield made
    for server in made:
        server.close()


@pytest.fixture
def house(
    mail_server: tuple[LateMailServer, int], peers: list[Peer], broker: Any, database: Any, tmp_path: Path
) -> Iterator[House]:
    file = tmp_path / "notify.yaml"
    hooks = {
        f"slow-{number}": {"webhook": {"url": f"http://127.0.0.1:{server.port}/", "secret": SECRET}}
        for number, server in enumerate(peers)
    }
    by_team = {"name": "hooks", "events": ["incident.opened"], "to": ["team"], "channel": "webhook"}
    mails = {
        "name": "mails",
        "events": ["incident.opened"],
        "when": {"priority": "P1"},
        "to": ["manager"],
        "channel": "email",
        "subject": "{{ number }}",
        "text": "{{ title }}\n",
    }
    settings = {
        "domain": "desk.example",
        "smtp": {"host": "127.0.0.1", "port": mail_server[1], "sender": "desk@desk.example"},
        "webhook": {"allow_http": True, "allow_private": True},
        "addresses": {"manager": {"email": "manager@desk.example"}, **hooks},
        "rules": [by_team, mails],
    }
    file.write_text(yaml.safe_dump(settings))
    environment = {
        "DESKWIRE_NOTIFY_FILE": str(file),
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(mail_server[1]),
    }
    running = House(broker, database, tmp_path / "house", services=["notify"], environment=environment)
    running.declare()
    running.start(["notify"])
    yield running
    with contextlib.suppress(Exception):
        running.stop()


def tell(house: House, lane: Lane, *incidents: dict[str, Any]) -> None:
    sample = decode(SAMPLE.read_bytes())
    opened = [replace(sample, id=IDS.new(), lane=lane, data={**sample.data, **fields}) for fields in incidents]
    messages = [replace(intake_message(one, lane), exchange="incident.events") for one in opened]
    house.publish_raw(messages, user=OPERATOR)


def test_an_urgent_mail_goes_before_any_second_attempt_to_a_slow_receiver_and_probes_are_answered(
    house: House, mail_server: tuple[LateMailServer, int], peers: list[Peer]
) -> None:
    server, _ = mail_server
    tell(house, Lane.NORMAL, *({"team": f"slow-{number % SLOW}"} for number in range(DELIVERIES)))
    eventually(lambda: all(one.calls for one in peers))
    tell(house, Lane.URGENT, {"team": "nobody", "priority": "P1"})
    eventually(lambda: house.get("notify", "/readyz")[0] == 200 and len(server.taken) == 1)
    rows = house.rows("notify", "deliveries")
    assert max(row["attempts_total"] for row in rows if row["channel"] == "webhook") <= 1
    assert max(one.calls for one in peers) <= 10


def test_a_mail_whose_answer_comes_late_is_sent_once(house: House, mail_server: tuple[LateMailServer, int]) -> None:
    server, _ = mail_server
    server.seconds = 12.0
    tell(house, Lane.URGENT, {"team": "nobody", "priority": "P1"})
    eventually(lambda: [row["state"] for row in house.rows("notify", "deliveries")] == ["sent"], seconds=60)
    assert len(server.taken) == 1
