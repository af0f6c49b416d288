"""Calendars with everything in them, against a model that looks at each minute's wall clock and at nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import groupby

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.sla.domain.calendar import Calendar, add_business, business_time
from services.sla.domain.calendar_reasons import explain
from tests.unit.sla.calendar_strategies import MINUTE, cases
from tests.unit.sla.dose import DOSE
from tests.unit.sla.slow_model import verdict


@given(cases(), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=DOSE, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_a_calendar_is_what_the_wall_clock_says_minute_by_minute(
    case: tuple[Calendar, datetime, int], cut: float, share: float
) -> None:
    calendar, start, minutes = case
    seen = [verdict(calendar, start + step * MINUTE) for step in range(minutes)]
    opened = [is_open for is_open, _ in seen]
    end = start + minutes * MINUTE
    assert business_time(calendar, start, end) == sum(opened) * MINUTE

    middle = int(minutes * cut)
    assert business_time(calendar, start + middle * MINUTE, end) == sum(opened[middle:]) * MINUTE

    amount = int(sum(opened) * share)
    assert add_business(calendar, start, amount * MINUTE) == start + first_after(opened, amount) * MINUTE
    beyond = add_business(calendar, start, (sum(opened) + 1) * MINUTE)
    assert beyond is None or beyond > end

    told = [(one.open, one.why, int((one.end - one.start) / MINUTE)) for one in explain(calendar, start, end)]
    assert told == [(*key, len(list(same))) for key, same in groupby(seen)]


@given(cases(), st.integers(0, 10**9), st.integers(0, 10**10))
@settings(max_examples=DOSE // 5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_adding_and_measuring_are_inverse_to_the_microsecond(
    case: tuple[Calendar, datetime, int], offset: int, amount: int
) -> None:
    calendar, start, _ = case
    start += timedelta(microseconds=offset)
    due = add_business(calendar, start, timedelta(microseconds=amount))
    if due is not None:
        assert business_time(calendar, start, due) == timedelta(microseconds=amount)
        if amount:
            just_before = due - timedelta(microseconds=1)
            assert business_time(calendar, start, just_before) == timedelta(microseconds=amount - 1)


def first_after(opened: list[bool], amount: int) -> int:
    """How many minutes it takes until this many of them were open."""
    for step, is_open in enumerate(opened):
        if amount == 0:
            return step
        amount -= is_open
    return len(opened)
