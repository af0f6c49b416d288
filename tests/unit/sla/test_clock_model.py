"""The fold of every kind of clock against a model that steps through each minute or second of a record's life."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

from services.sla.domain.case import fold
from services.sla.domain.clock import advance
from services.sla.domain.run import elapsed, state_of, terms_of
from tests.unit.sla.dose import DOSE
from tests.unit.sla.slow_clocks import simulate
from tests.unit.sla.worlds import World, worlds


@given(worlds())
@settings(max_examples=DOSE, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_fold_of_every_kind_of_clock_equals_stepping_through_its_life(world: World) -> None:
    model = simulate(world.entries, world.agreements, world.end, world.tick)
    case, _ = fold("INC0000001", world.entries, world.agreements)
    runs = [advance(run, world.end, world.agreements)[0] for run in case.runs]
    assert [(run.kind.value, run.instance, run.party) for run in runs] == [
        (one.kind, one.instance, one.party) for one in model
    ]
    for run, clock in zip(runs, model, strict=True):
        terms = terms_of(run, world.agreements)
        assert {one.name: one.at for one in run.passed} == clock.passed
        assert (state_of(run, terms).value, run.priority, run.since) == (clock.state, clock.priority, clock.since)
        assert (run.spans[-1].activity.value, run.spans[-1].reason) == (clock.activity, clock.reason)
        assert terms.policy == clock.policy
        assert elapsed(run, world.end, terms) == clock.gone.get(terms.policy.name, 0) * world.tick
