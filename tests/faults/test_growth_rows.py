"""What the growth run complains of."""

from __future__ import annotations

import pytest

from tests.faults.growth import CHECKPOINTS, SETTLED, SLACK_BYTES, Row


@pytest.mark.parametrize("dose", CHECKPOINTS)
@pytest.mark.parametrize("kind", ["event", "record"])
def test_what_grows_after_it_has_settled_is_a_complaint_in_every_dose(dose: str, kind: str) -> None:
    row = Row(name="notes")
    for count in CHECKPOINTS[dose]:
        getattr(row, kind)[count] = 1_000 + 2 * SLACK_BYTES * (count > SETTLED)
    assert SETTLED in CHECKPOINTS[dose]
    (complaint,) = row.complaints
    assert f"an {kind} grew" in complaint


def test_what_stays_as_it_was_is_none() -> None:
    sizes = {count: 1_000 + SLACK_BYTES * (count > SETTLED) for count in CHECKPOINTS["small"]}
    assert Row(name="notes", event=sizes, record=sizes).complaints == []
