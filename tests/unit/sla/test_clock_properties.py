"""What holds for the clocks of any history."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import HealthCheck, given, settings

from services.sla.domain.case import Case, fold, fold_entry
from services.sla.domain.history import Entry
from services.sla.domain.policy import Kind
from services.sla.domain.run import Run
from tests.unit.sla.dose import DOSE
from tests.unit.sla.worlds import World, worlds


def final(case: Case, kind: Kind) -> Run:
    run = case.run(kind)
    assert run is not None
    return run


@given(worlds())
@settings(max_examples=DOSE // 2, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_folding_entry_by_entry_equals_folding_at_once(world: World) -> None:
    agreements, entries = world.agreements, world.entries
    case, moments = Case(incident="INC0000001"), []
    for length in range(1, len(entries) + 1):
        prefix, told = fold("INC0000001", entries[:length], agreements)
        case, new = fold_entry(case, entries[length - 1], agreements)
        moments.extend(new)
        assert (case, tuple(moments)) == (prefix, told)


@given(worlds())
@settings(max_examples=DOSE // 2, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_facts_come_in_order_of_time_and_none_is_taken_back(world: World) -> None:
    agreements, entries = world.agreements, world.entries
    case, moments = fold("INC0000001", entries, agreements)
    for clock in case.runs:
        identity = clock.kind, clock.instance
        mine = [moment for moment in moments if (moment.run.kind, moment.run.instance) == identity]
        times = [moment.event.at for moment in mine]
        assert times == sorted(times)
        for before, after in pairwise(mine):
            kept = after.run.since == before.run.since
            assert not kept or after.run.passed[: len(before.run.passed)] == before.run.passed


@given(worlds())
@settings(max_examples=DOSE // 2, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_pause_is_lost_at_a_change_of_priority(world: World) -> None:
    agreements, entries = world.agreements, world.entries
    case, _ = fold("INC0000001", entries, agreements)
    steady, _ = fold("INC0000001", [make_same_priority(entry) for entry in entries], agreements)
    spans = [(span.start, span.end, span.activity, span.reason) for span in final(case, Kind.RESOLUTION).spans]
    same = [(span.start, span.end, span.activity, span.reason) for span in final(steady, Kind.RESOLUTION).spans]
    assert spans == same


def make_same_priority(entry: Entry) -> Entry:
    fields = {name: getattr(entry, name) for name in entry.__slots__}
    return Entry(**{**fields, "priority": "P1"})
