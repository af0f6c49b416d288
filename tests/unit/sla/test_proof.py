"""Clocks that have ended, proven by the agreements under which they did: whatever was edited since, to the letter."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.sla.domain import policy
from services.sla.domain.kinds import Kind
from services.sla.domain.policy import Agreements
from services.sla.domain.recompute import recompute
from services.sla.storage import AGREED, CLOCKS
from shared.errors import Invalid
from shared.packed import unpack
from tests.unit.sla.calls import CallsInMemory
from tests.unit.sla.factories import (
    HOUR,
    MINUTE,
    MONDAY,
    ZONES,
    SlaInMemory,
    beside,
    make_agreements,
    make_calendar,
    make_event,
    make_policy,
    make_rule,
    make_version,
)
from tests.unit.sla.test_verify import verify

DAY = timedelta(days=1)
NUMBER = "INC0000001"
RESOLUTION, PREMIUM = f"{NUMBER}:resolution", f"{NUMBER}:resolution@premium"


def make_solved(agreements: Agreements, *more: Any) -> SlaInMemory:
    """A record that was solved after half an hour, and more events."""
    sla = SlaInMemory(agreements)
    sla.restart(agreements)
    sla.take(make_event(), make_event(2, MONDAY + 30 * MINUTE, data={"state": "resolved"}), *more)
    sla.clock.advance(9 * DAY)
    return sla


def judged(sla: SlaInMemory) -> tuple[Any, int, int]:
    found = verify(sla)
    return found["differences"], found["superseded"], found["bygone"]


def explained(sla: SlaInMemory, **args: Any) -> dict[str, Any]:
    caller = {"number": NUMBER, "args": args, "actor": {"kind": "service", "id": "test"}}
    answer = CallsInMemory(sla).call("sla", "explain", caller)
    return {f"{one['clock']}@{one['agreement']}": one for one in answer["clocks"]}


def assert_explained_as_told(sla: SlaInMemory, *names: str) -> None:
    """Every clock that has ended, or those named, is explained as its record has it."""
    shown = explained(sla)
    for row in sla.rows(CLOCKS).values():
        name = f"{row['kind']}@{row['agreement']}"
        if names and name not in names:
            continue
        one = shown[name]
        told = (one["state"], one["due_at"], one["breached_at"], one["stopped_at"])
        assert told == (row["state"], *(text(row[name]) for name in ("due_at", "breached_at", "stopped_at")))
        assert one["told"] is None


def text(at: datetime | None) -> str | None:
    return None if at is None else at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def in_versions(second_from: datetime) -> Agreements:
    one, two = make_policy(), make_policy(resolution=2 * HOUR)
    versions = (make_version("1", make_rule(one)), make_version("2", make_rule(two), effective_from=second_from))
    return Agreements(versions=versions, calendars={"always": make_calendar()}, zones=ZONES)


def test_a_version_that_is_moved_in_time_leaves_what_ended_before_as_it_was() -> None:
    sla = make_solved(in_versions(MONDAY + DAY))
    sla.restart(in_versions(MONDAY - DAY))
    assert judged(sla) == ([], 2, 0)
    assert_explained_as_told(sla)
    assert explained(sla, inputs="in-force")["resolution@main"]["due_at"] == "2026-03-02T11:00:00.000Z"


def by_two_calendars(hours: str) -> Agreements:
    slow = make_policy(name="slow", calendar="one", response=9 * HOUR)
    fast = make_policy(name="fast", response=9 * HOUR, resolution=8 * HOUR)
    return make_agreements({"P3": slow, "P1": fast}, {"one": make_calendar(hours)})


def test_the_calendar_of_an_earlier_priority_counts_as_it_was() -> None:
    sla = SlaInMemory(by_two_calendars("12:00-18:00"))
    sla.restart(sla.agreements)
    sla.take(make_event(), make_event(2, MONDAY + 5 * HOUR, data={"priority": "P1"}))
    sla.take(make_event(3, MONDAY + 6 * HOUR, data={"priority": "P1", "state": "resolved"}))
    sla.clock.advance(9 * DAY)
    sla.restart(by_two_calendars("08:00-18:00"))
    assert judged(sla)[0] == []
    assert sla.rows(CLOCKS)[RESOLUTION]["state"] == "met"
    assert_explained_as_told(sla)


def test_a_clock_that_other_time_zones_made_otherwise_is_bygone_and_says_what_was_told() -> None:
    sla = make_solved(make_agreements())
    sla.rows(CLOCKS)[RESOLUTION]["due_at"] += HOUR
    sla.restart(make_agreements(zones="2027a"))
    assert judged(sla) == ([], 0, 1)
    assert explained(sla)["resolution@main"]["told"]["due_at"] == "2026-03-02T14:00:00.000Z"


def test_a_clock_that_other_rules_of_the_desk_made_otherwise_is_bygone_and_says_what_was_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sla = make_solved(make_agreements())
    sla.rows(CLOCKS)[RESOLUTION]["due_at"] += HOUR
    monkeypatch.setattr(policy, "RULES", policy.RULES + 1)
    sla.restart(make_agreements())
    assert judged(sla) == ([], 0, 1)
    assert explained(sla)["resolution@main"]["told"]["due_at"] == "2026-03-02T14:00:00.000Z"


@pytest.mark.parametrize("last", [make_agreements(), make_agreements({"P3": make_policy(resolution=9 * HOUR)})])
def test_a_clock_that_services_of_two_editions_folded_in_turns_stays_bygone_when_its_record_is_reopened(
    last: Agreements,
) -> None:
    first = make_agreements()
    sla = SlaInMemory(first)
    sla.restart(first)
    sla.take(make_event())
    sla.tick(MONDAY + 2 * HOUR)
    sla.take(make_event(2, MONDAY + 5 * HOUR, data={"state": "cancelled"}))
    sla.tick(MONDAY + 6 * HOUR)
    sla.restart(make_agreements({"P3": make_policy(response=3 * HOUR)}))
    sla.take(make_event(3, MONDAY + 8 * HOUR, data={"state": "resolved"}))
    assert judged(sla) == ([], 0, 1)
    sla.restart(last)
    sla.take(make_event(4, MONDAY + 12 * HOUR, data={"state": "in_progress"}))
    sla.tick(MONDAY + 2 * DAY)
    sla.reckon()
    assert (judged(sla)[0], judged(sla)[2]) == ([], 1)


def with_premium() -> Agreements:
    return beside(make_agreements(), "premium", make_rule(make_policy(name="premium", resolution=3 * HOUR)))


def test_a_clock_that_was_met_is_explained_still_when_its_record_goes_on_without_its_agreement() -> None:
    sla = make_solved(with_premium())
    sla.restart(make_agreements())
    sla.take(make_event(3, MONDAY + HOUR, data={"state": "in_progress"}))
    sla.reckon()
    assert judged(sla) == ([], 2, 0)
    for at in ({}, {"at": "2026-03-02T09:45:00.000Z"}):
        one = explained(sla, **at)["resolution@premium"]
        assert (one["state"], one["due_at"], one["in_force"]) == ("met", "2026-03-02T12:00:00.000Z", False)
    sla.take(make_event(4, MONDAY + 2 * HOUR, data={"state": "resolved"}))
    sla.restart(with_premium())
    sla.reckon()
    one = explained(sla)["resolution@premium"]
    assert (one["due_at"], one["stopped_at"]) == ("2026-03-02T12:00:00.000Z", "2026-03-02T09:30:00.000Z")
    assert verify(sla)["differences"] == []


def test_of_events_of_one_instant_those_behind_the_end_are_not_its_own() -> None:
    premium = make_policy(name="premium", resolution=3 * HOUR)
    by_priority = beside(make_agreements(), "premium", make_rule(premium, priority="P1"))
    sla = SlaInMemory(beside(make_agreements(), "premium", make_rule(premium, organisation="acme")))
    sla.restart(sla.agreements)
    end = MONDAY + 30 * MINUTE
    sla.take(make_event(data={"priority": "P1"}), make_event(2, end, data={"priority": "P1", "state": "resolved"}))
    sla.restart(by_priority)
    sla.take(make_event(3, end, data={"priority": "P3", "state": "in_progress"}))
    sla.reckon()
    sla.clock.advance(DAY)
    assert sla.rows(CLOCKS)[PREMIUM]["state"] == "met"
    assert judged(sla)[0::2] == ([], 0)
    assert_explained_as_told(sla, "resolution@premium")


def make_left() -> SlaInMemory:
    """A record that is open still when the settings lose one of its agreements."""
    sla = SlaInMemory(with_premium())
    sla.restart(sla.agreements)
    sla.take(make_event())
    sla.tick(MONDAY + HOUR)
    sla.restart(make_agreements())
    sla.reckon()
    return sla


def test_a_clock_that_went_with_its_agreement_is_explained_up_to_then() -> None:
    sla = make_left()
    sla.clock.advance(DAY)
    assert judged(sla) == ([], 2, 0)
    one, before = (explained(sla, **at)["resolution@premium"] for at in ({}, {"at": "2026-03-02T09:45:00.000Z"}))
    assert (one["state"], one["stopped_at"], one["elapsed_seconds"]) == ("cancelled", "2026-03-02T10:00:00.000Z", 3600)
    assert (before["state"], before["due_at"]) == ("running", "2026-03-02T12:00:00.000Z")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("stopped_at", MONDAY + 30 * MINUTE),
        ("elapsed_seconds", 60.0),
        ("due_at", MONDAY),
        ("state", "met"),
        ("target_seconds", 99.0),
    ],
)
def test_a_clock_that_went_with_its_agreement_and_was_changed_by_hand_is_not_proven(field: str, value: Any) -> None:
    sla = make_left()
    sla.rows(CLOCKS)[PREMIUM][field] = value
    assert judged(sla) == ([], 1, 1)


@pytest.mark.parametrize("damage", [b"", b"\x00", b"x\x9c\x03\x00\x00\x00\x00\x01", None], ids=repr)
def test_what_an_edition_said_and_cannot_be_read_is_as_if_it_were_not_kept(damage: Any) -> None:
    sla = make_solved(make_agreements())
    sla.restart(make_agreements({"P3": make_policy(resolution=9 * HOUR)}))
    for row in sla.rows(AGREED).values():
        row["said"] = damage
    assert judged(sla) == ([], 0, 1)
    assert explained(sla)["resolution@main"]["told"]["due_at"] == "2026-03-02T13:00:00.000Z"


@pytest.mark.parametrize("packed", [b"", b"{}", b"x\x9c\xab\xae\x05\x00\x01u\x00\xf9", None], ids=repr)
def test_what_is_no_packed_value_is_refused(packed: Any) -> None:
    with pytest.raises(Invalid, match="is no packed Agreements"):
        unpack(Agreements, packed)


def test_many_clocks_of_a_record_are_proven_by_one_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    spells = make_agreements({"P3": make_policy(others={Kind.ASSIGNMENT: 9 * HOUR})})
    sla = SlaInMemory(spells)
    sla.restart(spells)
    teams = ("desk", "network")
    for version in range(1, 31):
        sla.take(make_event(version, MONDAY + version * MINUTE, data={"team": teams[version % 2]}))
    sla.take(make_event(31, MONDAY + HOUR, data={"team": "desk", "state": "resolved"}))
    sla.restart(make_agreements({"P3": make_policy(others={Kind.ASSIGNMENT: 8 * HOUR})}))
    folds = list[int]()
    monkeypatch.setattr("services.sla.domain.proof.recompute", counted(folds))
    assert judged(sla) == ([], 30, 0)
    assert len(folds) == 1


def counted(folds: list[int]) -> Callable[..., Any]:
    def fold(*args: Any, **options: Any) -> Any:
        folds.append(1)
        return recompute(*args, **options)

    return fold
