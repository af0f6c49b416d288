"""The fold keeps to the table of a clock's states, whatever happens to its incident."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import HealthCheck, given, settings

from services.sla.domain.case import fold
from services.sla.domain.clock import advance
from services.sla.domain.run import ClockState, state_of, terms_of
from services.sla.domain.states import MOVES, STARTS, Fact
from services.sla.events import EXPECTED, PUBLISHES
from tests.unit.sla.dose import DOSE
from tests.unit.sla.worlds import World, worlds


def test_every_event_of_a_clock_is_a_fact_of_the_table() -> None:
    assert {f"sla.{fact.value}" for fact in Fact} == set(PUBLISHES) - {EXPECTED}


@given(worlds())
@settings(max_examples=DOSE // 2, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_clock_moves_as_the_table_says(world: World) -> None:
    agreements, entries = world.agreements, world.entries
    case, moments = fold("INC0000001", entries, agreements)
    later = [one for run in case.runs for one in advance(run, run.at + timedelta(days=400), agreements)[1]]
    last: dict[object, ClockState] = {}
    for moment in (*moments, *later):
        clock = moment.run.identity
        fact, now = Fact(moment.event.type.removeprefix("sla.")), state_of(moment.run, terms_of(moment.run, agreements))
        if clock not in last:
            assert now in (STARTS[fact].to, *STARTS[fact].others)
        else:
            move = MOVES[last[clock], fact]
            assert now in (move.to, *move.others)
        last[clock] = now
