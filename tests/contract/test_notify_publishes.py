"""Every event that notify publishes, made by its own handlers and compared with its golden sample."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from services.notify import events, handlers
from shared.envelope import Lane, encode
from shared.testing import published
from tests.unit.notify.factories import DOUBTFUL, PERMANENT, RETRY, SENT, NotifyInMemory, ScriptedCrew, make_event

SAMPLES = Path(__file__).parent / "samples"
INCIDENT_OPENED = "019c8d7a-6f40-7000-8000-000000000001"


def lives() -> dict[str, bytes]:
    """Deliveries that between them go through everything; the first event of each type."""
    notify = NotifyInMemory(crew=ScriptedCrew(RETRY, SENT, PERMANENT, DOUBTFUL))
    trail = {"correlationid": INCIDENT_OPENED, "lane": Lane.URGENT}
    notify.take(make_event(id=INCIDENT_OPENED, **trail))
    notify.send()
    notify.clock.advance(timedelta(seconds=1))
    notify.send()
    notify.command(handlers.resend, number=notify.stored()["key"])
    notify.send()
    notify.command(handlers.resend, number=notify.stored()["key"])
    notify.send()
    notify.command(handlers.cancel, {"reason": "It was a drill."}, number=notify.stored()["key"])
    samples: dict[str, bytes] = {}
    for event in published(notify.store):
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
