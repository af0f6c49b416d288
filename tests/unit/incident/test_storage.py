"""How long what is never changed is kept."""

from __future__ import annotations

from datetime import timedelta

from services.incident import storage
from shared.schema import own
from tests.unit.incident.factories import LATER, NOW, House, make_alert

DAYS = timedelta(days=400)


def test_occurrences_go_after_as_long_as_the_journal_is_kept() -> None:
    indexes = own(storage.DOCUMENTS)["occurrences"]
    assert ((("stored_at", 1),), {"expireAfterSeconds": DAYS.total_seconds()}) in indexes


def test_an_occurrence_goes_by_when_it_was_stored() -> None:
    house = House()
    house.tell(make_alert("1"))
    (row,) = house.rows("occurrences").values()
    assert (row["at"], row["stored_at"]) == (NOW, LATER)
