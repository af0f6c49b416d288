"""Every event of incident is understood by sla: taken, folded, or kept until the versions before it come."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.sla import events
from services.sla.storage import HISTORY
from shared.envelope import decode
from shared.topology import matches
from tests.unit.sla.factories import SlaInMemory

SAMPLES = sorted((Path(__file__).parent / "samples").glob("incident.*.json"))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_taken_into_the_history(path: Path) -> None:
    envelope = decode(path.read_bytes())
    sla = SlaInMemory()
    assert sla.take(envelope).rejected == {}
    assert list(sla.rows(HISTORY)) == [f"{envelope.data['number']}:{envelope.data['version']}"]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_bound(path: Path) -> None:
    assert any(matches(pattern, path.stem) for pattern in events.CONSUMES["incident"])
