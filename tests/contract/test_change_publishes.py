"""Every event that change publishes, made by its own handlers and compared with its golden sample."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from services.change import events
from services.change.domain.change import Degree, Link, LinkKind, Result
from services.change.handlers import commands
from shared.envelope import encode
from shared.testing import published
from tests.unit.change.factories import NOW, Desk, make_command, make_deployed

SAMPLES = Path(__file__).parent / "samples"


def lives() -> dict[str, bytes]:
    """Four changes that between them go through everything; the first event of each type."""
    desk = Desk()
    desk.request(title="Move payments to the new database", ci="db-1", description="In place, with a copy beside it.")
    desk.run(commands.assess, risk=Degree.MEDIUM, impact=Degree.HIGH, text="The way back was tried.")
    desk.run(commands.approve, text="Go, with the second line watching.")
    desk.run(commands.schedule, start_at=NOW, end_at=NOW + timedelta(hours=2))
    desk.run(commands.link, to=Link(kind=LinkKind.PROBLEM, number="PRB0000001"))
    desk.run(commands.implement)
    desk.take(make_deployed("run-4711", change="CHG0000001", pipeline="payments-deploy", by="carol"))
    desk.run(commands.complete, text="Done without a pause.")
    desk.run(commands.review, outcome=Result.SUCCESSFUL, text="Half the latency.")
    desk.run(commands.close)
    desk.request(title="Open the firewall for everybody", service="network")
    desk.run(commands.reject, make_command("CHG0000002"), reason="Name the sources that need it.")
    desk.request(title="Restart search", service="search")
    desk.run(commands.cancel, make_command("CHG0000003", by="alice"), reason="It recovered by itself.")
    desk.take(make_deployed("run-4712", service="search", version="7.1.0", pipeline="search-deploy", by="dave"))
    samples: dict[str, bytes] = {}
    for event in published(desk.store):
        body = orjson.dumps(orjson.loads(encode(event)), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        samples.setdefault(event.type, body)
    return samples


def test_every_published_type_is_shown() -> None:
    assert lives().keys() == events.PUBLISHES.keys()


@pytest.mark.parametrize("event_type", sorted(events.PUBLISHES))
def test_the_event_equals_its_golden_sample(event_type: str) -> None:
    path = SAMPLES / f"{event_type}.json"
    body = lives()[event_type]
    if os.environ.get("DESKWIRE_WRITE_SAMPLES") == "1":
        path.write_bytes(body)
    assert path.read_bytes().decode() == body.decode()
