"""When incidents recur, and that neither order nor repetition of events matters."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.problem.domain.recurrence import Member, Rule, countable, recurs, signature_of
from services.problem.handlers import commands
from shared.clock import format_instant
from shared.store import Document
from shared.testing import published
from tests.unit.problem.factories import NOW, RULE, Desk, make_event, make_incident


def make_member(number: int = 1, **overrides: Any) -> Member:
    fields: dict[str, Any] = {
        "number": f"INC{number:07d}",
        "seen": 1,
        "signature": "s",
        "service": "payments",
        "ci": None,
        "fingerprint": "db-down",
        "title": "Database down",
        "priority": "P3",
        "state": "new",
        "opened_at": NOW + timedelta(hours=number),
        "backfill": False,
    }
    return Member(**{**fields, **overrides})


@st.composite
def histories(draw: st.DrawFn) -> list[list[Document]]:
    """The snapshots of up to 12 incidents of two services, in the order in which they really came about."""
    incidents = []
    for number in range(1, draw(st.integers(1, 12)) + 1):
        opened_at = NOW + timedelta(hours=draw(st.integers(0, 24 * 30)))
        service = draw(st.sampled_from(["payments", "search"]))
        states = draw(st.lists(st.sampled_from(["assigned", "waiting", "resolved", "closed"]), max_size=3))
        incidents.append(
            [
                make_incident(
                    number, version=version, state=state, service=service, opened_at=format_instant(opened_at)
                )
                for version, state in enumerate(["new", *states], start=1)
            ]
        )
    return incidents


@settings(max_examples=60, deadline=None)
@given(histories(), st.randoms(use_true_random=False), st.integers(1, 6))
def test_order_duplicates_and_batches_of_events_do_not_matter(histories: Any, random: Any, size: int) -> None:
    envelopes = [make_event(snapshot) for history in histories for snapshot in history]
    shuffled = [*envelopes, *random.sample(envelopes, len(envelopes) // 2)]
    random.shuffle(shuffled)
    desk = Desk()
    for start in range(0, len(shuffled), size):
        desk.take(*shuffled[start : start + size])
    assert {row["service"]: set(row["incidents"]) for row in desk.problems()} == expected(histories)
    assert len(desk.problems()) == len(expected(histories))
    assert len(desk.store.collections.get("open_problems", {})) == len(desk.problems())
    assert sum(row["version"] for row in desk.problems()) == len(published(desk.store))


def expected(histories: list[list[Document]]) -> dict[str, set[str]]:
    """By brute force: the services that have enough incidents within any window, with all their incidents."""
    by_service: dict[str, list[Document]] = {}
    for history in histories:
        by_service.setdefault(history[0]["service"], []).append(history[0])
    found = {}
    for service, incidents in by_service.items():
        for first in incidents:
            until = format_instant(NOW.fromisoformat(first["opened_at"]) + RULE.window)
            if sum(first["opened_at"] <= other["opened_at"] <= until for other in incidents) >= RULE.count:
                found[service] = {incident["number"] for incident in incidents}
    return found


@given(st.lists(st.integers(0, 500), max_size=20), st.integers(2, 5), st.integers(1, 200), st.data())
def test_recurrence_equals_a_look_at_every_window(hours: list[int], count: int, window: int, data: Any) -> None:
    rule = Rule(window=timedelta(hours=window), count=count)
    flags = data.draw(st.lists(st.booleans(), min_size=len(hours), max_size=len(hours)))
    members = [
        make_member(number, opened_at=NOW + timedelta(hours=hour), backfill=backfill)
        for number, (hour, backfill) in enumerate(zip(hours, flags, strict=True))
    ]
    slow = any(
        len(inside) >= count and any(not member.backfill for member in inside)
        for hour in hours
        for inside in [[m for m, h in zip(members, hours, strict=True) if hour <= h <= hour + window]]
    )
    assert recurs(members, rule) == slow


def test_the_window_includes_both_its_ends() -> None:
    opened = [NOW, NOW + timedelta(days=1), NOW + timedelta(days=7)]
    members = [make_member(number, opened_at=at) for number, at in enumerate(opened)]
    assert recurs(members, RULE)
    late = [*members[:2], make_member(9, opened_at=NOW + timedelta(days=7, milliseconds=1))]
    assert not recurs(late, RULE)


def test_cancelled_incidents_do_not_count() -> None:
    members = [make_member(1), make_member(2), make_member(3, state="cancelled")]
    assert [member.number for member in countable(members)] == ["INC0000001", "INC0000002"]
    assert not recurs(members, RULE)


def test_a_service_and_an_item_of_the_same_name_are_not_the_same() -> None:
    assert signature_of("f", "db", None) != signature_of("f", None, "db")


def test_the_service_counts_before_the_item() -> None:
    assert signature_of("f", "payments", "db-1") == signature_of("f", "payments", "db-2")


def test_an_incident_without_fingerprint_or_without_service_and_item_has_no_signature() -> None:
    assert signature_of(None, "payments", "db-1") is None
    assert signature_of("f", None, "") is None


def test_three_incidents_within_the_window_propose_one_problem() -> None:
    desk = Desk()
    desk.take(*[make_event(make_incident(number)) for number in (1, 2)])
    assert desk.problems() == []
    desk.take(make_event(make_incident(3, priority="P1")))
    (problem,) = desk.problems()
    assert (problem["state"], problem["priority"], problem["incident_count"]) == ("proposed", "P1", 3)
    proposed, linked = published(desk.store)
    assert (proposed.type, linked.type) == ("problem.proposed", "problem.linked")
    assert linked.data["change"]["incidents"] == ["INC0000001", "INC0000002", "INC0000003"]
    assert linked.data["change"]["by"] == "problem"


def test_a_new_recurrence_joins_the_open_problem() -> None:
    desk = Desk()
    desk.take(*[make_event(make_incident(number)) for number in (1, 2, 3)])
    desk.take(make_event(make_incident(900)))
    (problem,) = desk.problems()
    assert problem["incidents"][-1] == "INC0000900"
    assert published(desk.store)[-1].type == "problem.linked"
    assert published(desk.store)[-1].data["change"]["incidents"] == ["INC0000900"]


def test_a_later_event_of_a_member_changes_nothing_on_its_problem() -> None:
    desk = Desk()
    desk.take(*[make_event(make_incident(number)) for number in (1, 2, 3)])
    desk.take(make_event(make_incident(2, version=2, state="resolved")))
    assert [problem["version"] for problem in desk.problems()] == [2]


def test_an_incident_that_moves_to_another_service_recurs_there() -> None:
    desk = Desk()
    desk.take(*[make_event(make_incident(number)) for number in (1, 2)])
    desk.take(make_event(make_incident(3, service="search")))
    desk.take(make_event(make_incident(3, version=2)))
    assert [problem["incident_count"] for problem in desk.problems()] == [3]


def test_after_a_problem_is_resolved_the_count_begins_anew() -> None:
    desk = Desk()
    desk.take(*[make_event(make_incident(number)) for number in (1, 2, 3)])
    desk.run(commands.accept)
    desk.run(commands.resolve, text="patched", resolve_incidents=False)
    desk.take(*[make_event(make_incident(number)) for number in (4, 5)])
    assert len(desk.problems()) == 1
    desk.take(make_event(make_incident(6)))
    assert [problem["incidents"] for problem in desk.problems()][1] == ["INC0000004", "INC0000005", "INC0000006"]


def test_history_brought_over_proposes_nothing_but_counts() -> None:
    desk = Desk()
    desk.take(*[make_event(make_incident(number), backfill=True) for number in (1, 2, 3, 4)])
    assert desk.problems() == []
    desk.take(make_event(make_incident(5)))
    assert [problem["incident_count"] for problem in desk.problems()] == [5]


def test_history_brought_over_joins_an_open_problem_as_history() -> None:
    desk = Desk()
    desk.take(*[make_event(make_incident(number)) for number in (1, 2, 3)])
    desk.take(make_event(make_incident(4), backfill=True))
    assert desk.problems()[0]["incident_count"] == 4
    assert published(desk.store)[-1].backfill


def test_requests_and_restricted_incidents_are_not_remembered() -> None:
    desk = Desk()
    desk.take(make_event(make_incident(1, kind="request")))
    desk.take(make_event({"number": "INC0000002", "version": 1, "state": "new", "priority": "P1"}, restricted=True))
    assert "members" not in desk.store.collections


def test_a_snapshot_that_breaks_its_contract_is_rejected_and_the_rest_goes_on() -> None:
    desk = Desk()
    bad = make_event(make_incident(9, opened_at="yesterday"))
    taken = desk.take(bad, *[make_event(make_incident(number)) for number in (1, 2, 3)])
    assert {key: error.slug for key, error in taken.rejected.items()} == {bad.id: "invalid"}
    assert taken.rejected[bad.id].pointer == "/data/opened_at"
    assert len(desk.problems()) == 1
