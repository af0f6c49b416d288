"""Every event of incident is understood by problem."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.envelope import decode
from tests.unit.problem.factories import Desk

SAMPLES = sorted(Path(__file__).parent.glob("samples/incident.*.json"))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_understood(path: Path) -> None:
    envelope = decode(path.read_bytes())
    desk = Desk()
    assert desk.take(envelope).rejected == {}
    if envelope.data.get("fingerprint") and envelope.data.get("kind") == "incident":
        assert list(desk.store.collections["members"]) == [envelope.data["number"]]
