"""Worlds with two agreements, of which the second takes every incident, or comes and goes."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from services.sla.domain.policy import Agreements
from tests.unit.sla.worlds import World, agreements_near, worlds


@st.composite
def two(draw: st.DrawFn) -> tuple[World, Agreements]:
    """A world, and another agreement that takes every incident, too."""
    world = draw(worlds())
    zone = next(iter(world.agreements.calendars.values())).zone
    other = draw(agreements_near(zone, world.entries[0].at, world.tick))
    calendars = {f"other-{name}": replace(one, name=f"other-{name}") for name, one in other.calendars.items()}
    versions = tuple(
        replace(
            version,
            rules=tuple(
                replace(rule, policy=replace(rule.policy, calendar=f"other-{rule.policy.calendar}"))
                for rule in version.rules
            ),
        )
        for version in other.versions
    )
    known = {**world.agreements.calendars, **calendars}
    further = Agreements(versions=versions, calendars=known, name="premium")
    return world, replace(world.agreements, calendars=known, further=(further,))


@st.composite
def comes_and_goes(draw: st.DrawFn) -> tuple[World, Agreements]:
    """A world, and another agreement whose rules take the incident at times."""
    world, agreements = draw(two())
    (further,) = agreements.further
    versions = tuple(replace(version, rules=version.rules[:-1]) for version in further.versions)
    return world, replace(agreements, further=(replace(further, versions=versions),))
