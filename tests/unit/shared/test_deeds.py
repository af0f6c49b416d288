from __future__ import annotations

from shared.audit import verify
from shared.deadletter import DeadLetter
from shared.deeds import DEAD_LETTERS, Deed, record
from shared.store import AUDIT, JOURNAL
from shared.testing import MemoryStore, make_actor, make_unit_of_work


def make_letter(**overrides: object) -> DeadLetter:
    fields = {
        "consumer": "incident",
        "message_id": "m-1",
        "reason": "bad-json",
        "error": "the body is not JSON",
        "pointer": None,
        "queue": "incident.intake.normal.v1",
        "attempts": 1,
        "first_failed_at": None,
        "sender": "sender",
        "content_type": "application/cloudevents+json",
        "body": b"{",
    }
    return DeadLetter(**{**fields, **overrides})  # type: ignore[arg-type]


def test_a_deed_stands_in_the_audit_with_who_and_why_and_is_told_to_nobody() -> None:
    store = MemoryStore()

    record(make_unit_of_work(store), make_letter(), Deed.DISCARDED, "a test of the sender", make_actor(id="bob"))

    (row,) = store.collections[AUDIT].values()
    assert (row["actor"]["id"], row["changes"][0]["change"]) == ("bob", {"because": "a test of the sender"})
    assert JOURNAL not in store.collections


def test_later_deeds_are_chained_to_earlier_ones() -> None:
    store = MemoryStore()
    unit_of_work = make_unit_of_work(store)
    for deed in (Deed.REPLAYED, Deed.REPLAYED, Deed.DISCARDED):
        record(unit_of_work, make_letter(), deed, "again", make_actor())

    assert store.collections[DEAD_LETTERS]["m-1"]["deed"] == "discarded"
    assert list(verify(store, [DEAD_LETTERS])) == []
    del store.collections[AUDIT]["dead_letters:m-1:2"]
    assert [finding.record for finding in verify(store, [DEAD_LETTERS])] == ["dead_letters:m-1"]
