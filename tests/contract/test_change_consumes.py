"""What a pipeline reports is understood by change."""

from __future__ import annotations

from pathlib import Path

from shared.envelope import decode
from shared.testing import published
from tests.unit.change.factories import Desk

SAMPLE = Path(__file__).parent / "samples" / "change.deployed.json"


def test_the_sample_becomes_an_unauthorised_change_that_says_all_it_was_told() -> None:
    envelope = decode(SAMPLE.read_bytes())
    desk = Desk()
    assert desk.take(envelope).handled == {envelope.id}
    (event,) = published(desk.store)
    told = event.data["change"]["deployment"]
    assert {name: told[name] for name in envelope.data} == envelope.data
    assert event.data["service"] == envelope.data["service"]
    assert event.data["deployments"][0]["at"] == "2026-03-02T08:59:30.000Z"
