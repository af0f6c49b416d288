"""The contract needs no code of ours: what Debian's `amqp-publish` sends becomes an incident."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from uuid import uuid4

import pytest

from deploy.local.access import SENDER
from deploy.local.process import wait_for
from shared.clock import SystemClock, format_instant
from tests.house import House


@pytest.mark.skipif(shutil.which("amqp-publish") is None, reason="amqp-publish is not there (Debian: amqp-tools)")
def test_a_message_published_by_amqp_publish_becomes_an_incident(make_house: Callable[..., House]) -> None:
    house = make_house(services=["incident"])
    house.start(["incident"])
    event = {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": "/cron/db1",
        "type": "alert.firing",
        "time": format_instant(SystemClock().now()),
        "data": {"dedup_key": "db1/disk", "title": "Disk full on db1", "severity": "critical", "source": "db1"},
    }
    command = ["amqp-publish", f"--url={house.uri(SENDER)}", "--exchange=itsm.intake", "--routing-key=alert.firing"]
    command += ["--persistent", "--content-type=application/cloudevents+json", f"--body={json.dumps(event)}"]
    subprocess.run(command, check=True, timeout=20)
    assert wait_for(lambda: bool(house.rows("incident", "incidents")), 20)
    (incident,) = house.rows("incident", "incidents")
    assert (incident["title"], incident["state"]) == ("Disk full on db1", "new")
    assert house.call("incident", "get", incident["key"])["title"] == "Disk full on db1"
