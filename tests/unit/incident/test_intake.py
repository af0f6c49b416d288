"""What every message of the intake must be, whatever it tells."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.incident.domain.record import State
from shared.envelope import Envelope
from tests.unit.incident.factories import House, make_action, make_alert, make_ticket

ZERO = datetime(1, 1, 1, tzinfo=UTC)
"""Go's zero time, which senders send for no time at all."""


@pytest.mark.parametrize("time", [ZERO, datetime(1989, 12, 31, 23, 59, 59, tzinfo=UTC)])
@pytest.mark.parametrize(
    "message", [make_alert("x"), make_alert("x", fires=False), make_ticket("x"), make_action("x", "accept")]
)
def test_a_message_without_a_real_time_is_rejected(message: Envelope, time: datetime) -> None:
    house = House()
    error = house.tell(replace(message, time=time)).rejected["x"]
    assert (error.slug, error.pointer) == ("invalid", "/time")
    assert error.message == "time must not be before 1990-01-01"
    assert house.incidents() == {}


def test_history_may_be_as_old_as_desks_are() -> None:
    house = House()
    assert not house.tell(replace(make_ticket(backfill=True), time=datetime(1990, 1, 1, tzinfo=UTC))).rejected
    assert [record.state for record in house.incidents().values()] == [State.NEW]
