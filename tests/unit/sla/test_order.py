from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.sla.storage import CASES, CLOCKS, DUE, HISTORY
from shared.envelope import Envelope
from shared.ids import SequentialIds
from shared.store import Writes
from shared.unit_of_work import UnitOfWork
from tests.unit.sla.factories import HOUR, MINUTE, MONDAY, SlaInMemory, make_event
from tests.unit.sla.lives import LIFE, life


def outcome(sla: SlaInMemory) -> tuple[Any, Any]:
    """The clocks, and every clock's events in order, without what differs from run to run."""
    clocks = {key: {**row, "audit": None} for key, row in sla.rows(CLOCKS).items()}
    events: dict[str | None, list[Any]] = {}
    for event in sla.published():
        told = (event.type, event.time, event.sequence, event.data, event.lane, event.backfill, event.causationid)
        events.setdefault(event.subject, []).append(told)
    return clocks, events


def test_versions_that_come_early_wait_visibly_until_the_gap_closes() -> None:
    sla = SlaInMemory()
    events = life()
    sla.take(events[0], events[2], events[3])
    assert sla.rows(CASES)["INC0000001"]["gap"]
    assert len(sla.rows(HISTORY)) == 3
    assert [name for name, _ in sla.told("response")] == ["started"]
    sla.take(events[1])
    assert not sla.rows(CASES)["INC0000001"]["gap"]
    assert [name for name, _ in sla.told("response")] == ["started", "met"]


def test_a_version_that_comes_again_under_another_id_changes_nothing() -> None:
    sla = SlaInMemory()
    sla.take(*life())
    before = outcome(sla)
    taken = sla.take(*(make_event(version, id=f"again-{version}") for version in range(1, 5)))
    assert len(taken.handled) == 4
    assert outcome(sla) == before


def test_a_version_that_waits_may_come_again_under_another_id() -> None:
    sla = SlaInMemory()
    sla.take(make_event(), make_event(3))
    sla.take(make_event(3, id="again"))
    assert sla.rows(CASES)["INC0000001"]["pending"] == [3]


@given(st.permutations(range(len(LIFE))), st.lists(st.integers(1, 4), min_size=9, max_size=9), st.booleans())
@settings(max_examples=30, deadline=None)
def test_any_order_and_any_batches_give_the_same_clocks_and_events(
    order: list[int], sizes: list[int], backfill: bool
) -> None:
    expected, sla = SlaInMemory(), SlaInMemory()
    events = life(backfill=backfill)
    expected.take(*events)
    shuffled = [events[place] for place in order]
    while shuffled:
        size = sizes.pop()
        sla.take(*shuffled[:size])
        shuffled = shuffled[size:]
    assert outcome(sla) == outcome(expected)
    assert [dict(row, version=0) for row in sla.rows(DUE).values()] == [
        dict(row, version=0) for row in expected.rows(DUE).values()
    ]


DELAYS = st.lists(st.integers(0, 40 * 60), max_size=12)


@given(DELAYS)
@settings(max_examples=30, deadline=None)
def test_what_is_told_does_not_depend_on_when_the_ticker_looked(minutes: list[int]) -> None:
    expected, sla = SlaInMemory(), SlaInMemory()
    expected.take(*life())
    looks = sorted(MONDAY + minute * MINUTE for minute in minutes)
    for event in life():
        for look in [one for one in looks if one <= event.time]:
            sla.tick(look)
        looks = [one for one in looks if one > event.time]
        sla.take(event)
    told = [(name, at) for name, at in sla.told()]
    assert told == expected.told()
    assert without_causes(outcome(sla)) == without_causes(outcome(expected))


def without_causes(result: tuple[Any, Any]) -> tuple[Any, Any]:
    """The outcome without what led to each event, and without how late it was told."""
    clocks, events = result
    for mine in events.values():
        for told in mine:
            told[3]["change"].pop("late_seconds", None)
    return clocks, {subject: [told[:-1] for told in mine] for subject, mine in events.items()}


def test_a_breach_is_counted_by_the_replica_that_was_first() -> None:
    first, second = SlaInMemory(), SlaInMemory()
    second.store = first.store
    second.unit_of_work = UnitOfWork(LosesOnce(first), second.clock, SequentialIds(), pause=lambda _: None)
    second.take(*late_events())
    assert (first.breaches, second.breaches) == ([("response", "P3")], [])


def late_events() -> tuple[Envelope, Envelope]:
    """An incident whose response was late when sla heard of it."""
    return make_event(), make_event(2, MONDAY + 2 * HOUR)


class LosesOnce:
    """A store whose first commit comes after another replica has handled the same events."""

    def __init__(self, winner: SlaInMemory) -> None:
        self._winner = winner
        self.read, self.find, self.reserve = winner.store.read, winner.store.find, winner.store.reserve

    def commit(self, writes: Writes) -> None:
        self._winner.take(*late_events())
        self._winner.store.commit(writes)
