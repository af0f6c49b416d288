"""A problem that grows: what an action costs does not depend on how many incidents it has already."""

from __future__ import annotations

from datetime import timedelta

from services.problem.domain.problem import INCIDENTS_KEPT, LINKS_KEPT
from services.problem.domain.recurrence import Rule
from services.problem.handlers import commands, queries
from services.problem.members import FREE_KEPT, JOINED_AT_ONCE
from shared.clock import format_instant
from shared.envelope import encode
from shared.testing import published
from tests.unit.problem.factories import NOW, PROBLEMS, Desk, make_command, make_event, make_incident

NARROW = Rule(window=timedelta(hours=2), count=2)


def at(number: int, hours: float) -> str:
    return format_instant(NOW + timedelta(hours=hours))


def test_a_problem_of_a_thousand_incidents_has_small_events_and_knows_them_all() -> None:
    desk = Desk()
    for start in range(1, 1_001, 50):
        desk.take(*[make_event(make_incident(number)) for number in range(start, start + 50)])
    (problem,) = desk.problems()
    assert (len(problem["incidents"]), problem["incident_count"]) == (INCIDENTS_KEPT, 1_000)
    assert max(len(encode(event)) for event in published(desk.store)) < 8_000
    pages = [desk.run(queries.get, make_command(), incidents=True)["all_incidents"]]
    while pages[-1]["next"]:
        after = pages[-1]["next"]
        pages.append(desk.run(queries.get, make_command(), incidents=True, incidents_after=after)["all_incidents"])
    assert [one for page in pages for one in page["incidents"]] == [f"INC{n:07d}" for n in range(1, 1_001)]


def test_an_incident_that_a_problem_no_longer_shows_does_not_join_it_a_second_time() -> None:
    desk = Desk()
    desk.open(commands.open, title="Payments fail")
    numbers = [f"INC{number:07d}" for number in range(INCIDENTS_KEPT + 5)]
    for number in (*numbers, numbers[0]):
        desk.run(commands.link, kind="incident", number=number)
    assert desk.problems()[0]["incident_count"] == len(numbers)


def test_incidents_of_a_problem_that_was_stored_before_they_were_kept_apart_are_told_of_its_solution() -> None:
    desk = Desk()
    desk.open(commands.open, title="Payments fail")
    older = [f"INC{number:07d}" for number in range(400)]
    desk.problems()[0].update({"incidents": older, "incident_count": 400})
    desk.run(commands.link, kind="incident", number="INC0000999")
    desk.run(commands.resolve, text="Patched", resolve_incidents=True)
    told = published(desk.store)[-1].data["change"]["incidents"]
    assert sorted(told) == [*older, "INC0000999"]


def test_more_incidents_than_one_transaction_takes_join_with_later_events() -> None:
    desk = Desk(Rule(window=timedelta(hours=10_000), count=JOINED_AT_ONCE + 30))
    events = [make_event(make_incident(number)) for number in range(1, JOINED_AT_ONCE + 32)]
    desk.take(*events[:-1])
    assert desk.problems()[0]["incident_count"] == JOINED_AT_ONCE
    desk.take(events[-1])
    assert desk.problems()[0]["incident_count"] == JOINED_AT_ONCE + 31


def test_links_of_a_problem_are_shown_up_to_a_number_and_counted() -> None:
    desk = Desk()
    desk.open(commands.open, title="Payments fail")
    for number in (*range(LINKS_KEPT + 9), 0):
        desk.run(commands.link, kind="change", number=f"CHG{number:07d}")
    (problem,) = desk.problems()
    assert (len(problem["links"]), problem["links_total"]) == (LINKS_KEPT, LINKS_KEPT + 9)
    snapshot = PROBLEMS.shape.snapshot(
        "PRB0000001", 1, desk.unit_of_work.run(lambda w: PROBLEMS.get(w, "PRB0000001").state)
    )
    assert snapshot["links_total"] == LINKS_KEPT + 9


def test_incidents_that_never_recur_within_the_window_are_not_read_for_ever() -> None:
    desk = Desk(NARROW)
    for number in range(1, FREE_KEPT * 3):
        desk.take(make_event(make_incident(number, opened_at=at(number, number * 24))))
    free = [row for row in desk.store.collections["members"].values() if row["free"]]
    assert len(free) <= FREE_KEPT + 1
    assert desk.problems() == []
    last = FREE_KEPT * 3
    desk.take(make_event(make_incident(last, opened_at=at(last, (last - 1) * 24 + 1))))
    assert desk.problems()[0]["incident_count"] >= 2
