"""Every event that problem publishes, made by its own handlers and compared with its golden sample."""

from __future__ import annotations

import os
from pathlib import Path

import orjson
import pytest

from services.problem import events
from services.problem.handlers import commands
from shared.envelope import encode
from shared.testing import published
from tests.unit.problem.factories import Desk, make_command, make_event, make_incident

SAMPLES = Path(__file__).parent / "samples"


def lives() -> dict[str, bytes]:
    """Two problems that between them go through everything; the first event of each type."""
    desk = Desk()
    desk.take(*[make_event(make_incident(number)) for number in (1, 2, 3)])
    desk.take(make_event(make_incident(4, priority="P2")))
    desk.run(commands.accept)
    desk.run(commands.link, kind="change", number="CHG0000001")
    desk.run(commands.diagnose, root_cause="The pool of connections leaks after a failed payment.")
    desk.run(commands.workaround, workaround="Restart the payment service when the pool is nearly empty.")
    desk.run(commands.resolve, text="Connections are given back after a failure.", resolve_incidents=True)
    desk.run(commands.reopen, reason="The pool ran empty again on the second node.")
    desk.run(commands.resolve, text="The second node has the fix too.", resolve_incidents=True)
    desk.run(commands.close)
    desk.open(commands.open, title="Search is slow on Mondays", service="search", priority="P3")
    desk.run(commands.reject, make_command("PRB0000002"), reason="The weekly index run explains it.")
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
