"""What every message of the intake must be, whatever it tells."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.incident.domain.record import Priority, State
from shared.envelope import Envelope
from tests.unit.incident.factories import LATER, House, make_action, make_alert, make_ticket

ZERO = datetime(1, 1, 1, tzinfo=UTC)
"""Go's zero time, which senders send for no time at all."""


TIMES = [ZERO, datetime(1989, 12, 31, 23, 59, 59, tzinfo=UTC)]


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize(
    "message",
    [
        replace(make_alert("x"), backfill=True),
        replace(make_alert("x", fires=False), backfill=True),
        make_ticket("x", backfill=True),
        make_action("x", "accept", backfill=True),
        make_ticket("x", sequence=1),
        make_action("x", "accept", sequence=1),
    ],
)
def test_history_without_a_real_time_is_rejected(message: Envelope, time: datetime) -> None:
    house = House()
    error = house.tell(replace(message, time=time)).rejected["x"]
    assert (error.slug, error.pointer) == ("invalid", "/time")
    assert error.message == "time must not be before 1990-01-01"
    assert house.incidents() == {}


@pytest.mark.parametrize("time", [*TIMES, datetime(2000, 1, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC)])
def test_a_ticket_of_a_clock_that_is_far_off_counts_as_said_now_and_the_time_is_noted(time: datetime) -> None:
    house = House()
    assert not house.tell(replace(make_ticket(), time=time)).rejected
    assert not house.tell(replace(make_action("a", "accept", person="bob"), time=time)).rejected
    record = house.incident("INC0000001")
    assert (record.opened_at, record.accepted_at, record.person) == (LATER, LATER, "bob")
    assert house.types() == ["incident.opened", "incident.noted", "incident.accepted", "incident.noted"]
    assert house.events()[0].data["change"]["adjusted"][0]["said"].startswith(f"{time.year:04d}-")
    assert {note["visibility"] for note in house.rows("notes").values()} == {"private"}


def test_history_may_be_as_old_as_desks_are() -> None:
    house = House()
    assert not house.tell(replace(make_ticket(backfill=True), time=datetime(1990, 1, 1, tzinfo=UTC))).rejected
    assert [record.state for record in house.incidents().values()] == [State.NEW]


@pytest.mark.parametrize("title", [" ", "\u200b", "\x00", "\u2060\ufeff"])
def test_a_title_of_which_nothing_can_be_seen_is_none(title: str) -> None:
    assert House().tell(make_ticket(title=title)).rejected["t1"].pointer == "/data/title"


def test_what_was_stored_before_these_rules_goes_on_to_be_read() -> None:
    """Rows as they were before severities, episodes and submissions were kept in them."""
    house = House()
    house.tell(make_alert("1", severity="warning", source="a"), make_ticket())
    young = {
        "alerts": ("severity", "began_at", "earlier", "heard_at", "fired_heard_at"),
        "open_alerts": ("severity", "said_at", "cleared", "held", "beside_cleared", "settles_at", "looks_at", "due_at"),
        "external_refs": ("submitted_at", "gap_since", "gap_told", "overdue_from"),
        "incidents": ("url", "held"),
    }
    for collection, names in young.items():
        for row in house.rows(collection).values():
            for name in names:
                del row[name]
    for row in house.rows("alerts").values():
        row["details"] = {name: row["details"][name] for name in ("title", "severity", "url", "labels")}
    house.tell(make_alert("2", 1, severity="warning", source="a"), make_ticket("t2"))
    assert house.types() == ["incident.opened"] * 2
    house.tell(make_alert("3", 2, severity="critical", source="a"))
    assert house.incident("INC0000001").priority is Priority.P1
    house.tell(make_alert("4", 3, fires=False, source="a"))
    assert house.incident("INC0000001").state is State.RESOLVED
