"""The fold against a model that steps through every minute, and what holds for any history."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from services.sla.domain.actions import Action
from services.sla.domain.case import Case, fold, fold_entry
from services.sla.domain.clock import advance
from services.sla.domain.history import Entry
from services.sla.domain.policy import Agreements, Kind, OnReopen, Policy, StopsAt
from services.sla.domain.run import Run, elapsed, state_of, terms_of
from tests.unit.sla.factories import HOUR, MINUTE, make_entry, make_policy, make_rule, make_threshold, make_version
from tests.unit.sla.slow_model import simulate
from tests.unit.sla.strategies import EDGES, calendars

PAUSES = st.frozensets(st.sampled_from(["user", "vendor", "hidden"]))


WHEN = st.fixed_dictionaries(
    {},
    optional={
        "priority": st.sampled_from(["P1", "P3", ("P1", "P3")]),
        "service": st.sampled_from(["network", ("network", "mail")]),
        "level": st.sampled_from([1, 2]),
    },
)
"""Conditions of a rule, from none at all."""
THRESHOLDS = st.sampled_from(
    [
        (),
        (50,),
        (25, 75, 125),
        (-3 * MINUTE, 20 * MINUTE),
        (make_threshold(-2 * MINUTE, clocks=[Kind.RESOLUTION]), make_threshold(200, clocks=[Kind.RESPONSE])),
        (75, make_threshold(100, Action.NOTIFY), make_threshold(HOUR, Action.ESCALATE_MANAGER)),
    ]
)
TARGETS = st.integers(1, 100).map(lambda quarter: 4 * quarter * MINUTE)


@st.composite
def policies(draw: st.DrawFn, calendars_known: tuple[str, ...], name: str) -> Policy:
    """Targets whose every threshold is a whole minute."""
    return make_policy(
        name=name,
        calendar=draw(st.sampled_from(calendars_known)),
        response=draw(TARGETS),
        resolution=draw(TARGETS),
        thresholds=draw(THRESHOLDS),
        response_stops_at=draw(st.sampled_from(StopsAt)),
        pauses=draw(PAUSES),
        on_reopen=draw(st.sampled_from(OnReopen)),
    )


@st.composite
def agreements_drawn(draw: st.DrawFn) -> Agreements:
    """One or two versions of some rules, with a last one that takes every incident."""
    zone, edge = draw(st.sampled_from(EDGES))
    names = ("one", "two")
    versions = []
    for number in range(draw(st.integers(1, 2))):
        rules = [make_rule(draw(policies(names, f"rule-{place}")), **draw(WHEN)) for place in range(2)]
        rest = make_rule(draw(policies(names, "rest")))
        start = edge - timedelta(hours=draw(st.integers(0, 12))) if number else None
        versions.append(make_version(str(number), *rules, rest, effective_from=start))
    return Agreements(versions=tuple(versions), calendars={name: draw(calendars(zone, edge, name)) for name in names})


@st.composite
def histories(draw: st.DrawFn, agreements: Agreements) -> list[Entry]:
    """Any sequence of states, more than the incident's own rules allow."""
    zone = next(iter(agreements.calendars.values())).zone
    edge = next(edge for name, edge in EDGES if name == zone)
    at = edge - timedelta(minutes=draw(st.integers(0, 12 * 60)))
    states = st.sampled_from(["in_progress", "in_progress", "waiting", "waiting", "resolved", "cancelled"])
    entries: list[Entry] = []
    for version in range(1, draw(st.integers(1, 8)) + 1):
        state = draw(states) if version > 1 else "new"
        entries.append(
            make_entry(
                version,
                at,
                state=state,
                waiting_reason=draw(st.sampled_from(["user", "vendor", None])) if state == "waiting" else None,
                priority=draw(st.sampled_from(["P1", "P3"])),
                service=draw(st.sampled_from([None, "network", "mail"])),
                level=draw(st.sampled_from([1, 1, 2])),
                accepted=draw(st.booleans()) and draw(st.booleans()),
                replied=draw(st.booleans()) and draw(st.booleans()),
            )
        )
        at += timedelta(minutes=draw(st.integers(0, 300)))
    return entries


ALWAYS = (Kind.RESPONSE, Kind.RESOLUTION)
CASES = agreements_drawn().flatmap(lambda agreements: st.tuples(st.just(agreements), histories(agreements)))


def final(case: Case, kind: Kind) -> Run:
    run = case.run(kind)
    assert run is not None
    return run


@given(CASES, st.sampled_from(ALWAYS), st.integers(1, 600))
@settings(max_examples=60, deadline=None)
def test_the_fold_equals_stepping_through_every_minute(
    drawn: tuple[Agreements, list[Entry]], kind: Kind, minutes: int
) -> None:
    agreements, entries = drawn
    end = entries[-1].at + minutes * MINUTE
    model = simulate(kind.value, entries, agreements, end)
    run, _ = advance(final(fold("INC0000001", entries, agreements)[0], kind), end, agreements)
    terms = terms_of(run, agreements)
    assert {one.name: one.at for one in run.passed} == model.passed
    assert (state_of(run, terms).value, run.priority) == (model.state, model.priority)
    assert terms.policy == model.policy
    assert elapsed(run, end, terms) == model.gone.get(terms.policy.name, 0) * MINUTE


@given(CASES)
@settings(max_examples=25, deadline=None)
def test_folding_entry_by_entry_equals_folding_at_once(drawn: tuple[Agreements, list[Entry]]) -> None:
    agreements, entries = drawn
    case, moments = Case(incident="INC0000001"), []
    for length in range(1, len(entries) + 1):
        prefix, told = fold("INC0000001", entries[:length], agreements)
        case, new = fold_entry(case, entries[length - 1], agreements)
        moments.extend(new)
        assert (case, tuple(moments)) == (prefix, told)


@given(CASES)
@settings(max_examples=25, deadline=None)
def test_facts_come_in_order_of_time_and_none_is_taken_back(drawn: tuple[Agreements, list[Entry]]) -> None:
    agreements, entries = drawn
    _, moments = fold("INC0000001", entries, agreements)
    for kind in Kind:
        mine = [moment for moment in moments if moment.run.kind is kind]
        times = [moment.event.at for moment in mine]
        assert times == sorted(times)
        for before, after in pairwise(mine):
            kept = after.run.since == before.run.since
            assert not kept or after.run.passed[: len(before.run.passed)] == before.run.passed


@given(CASES)
@settings(max_examples=25, deadline=None)
def test_no_pause_is_lost_at_a_change_of_priority(drawn: tuple[Agreements, list[Entry]]) -> None:
    agreements, entries = drawn
    case, _ = fold("INC0000001", entries, agreements)
    steady, _ = fold("INC0000001", [make_same_priority(entry) for entry in entries], agreements)
    spans = [(span.start, span.end, span.activity, span.reason) for span in final(case, Kind.RESOLUTION).spans]
    same = [(span.start, span.end, span.activity, span.reason) for span in final(steady, Kind.RESOLUTION).spans]
    assert spans == same


def make_same_priority(entry: Entry) -> Entry:
    fields = {name: getattr(entry, name) for name in entry.__slots__}
    return Entry(**{**fields, "priority": "P1"})
