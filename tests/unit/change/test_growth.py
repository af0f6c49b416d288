"""A change that grows: what an action costs does not depend on how much was deployed with it."""

from __future__ import annotations

from services.change.domain.change import DEPLOYMENTS_KEPT, LINKS_KEPT, Link, LinkKind
from services.change.handlers import commands, queries
from shared.envelope import encode
from shared.store import Document
from shared.testing import published
from tests.unit.change.factories import Desk, make_command, make_deployed

WIDE = "x" * 250


def page(desk: Desk, after: str | None) -> Document:
    answer: Document = desk.run(queries.get, make_command(), deployments=True, deployments_after=after)
    return answer["all_deployments"]


def test_a_change_of_a_thousand_deployments_has_small_events_and_knows_them_all() -> None:
    desk = Desk()
    number = desk.approved()
    for start in range(0, 1_000, 50):
        batch = [make_deployed(f"{one:04}", change=number, pipeline=WIDE, by=WIDE) for one in range(start, start + 50)]
        assert not desk.take(*batch).rejected
    (change,) = desk.changes()
    assert (len(change["deployments"]), change["deployment_count"]) == (DEPLOYMENTS_KEPT, 1_000)
    assert max(len(encode(event)) for event in published(desk.store)) < 30_000
    pages = [desk.run(queries.get, make_command(), deployments=True)["all_deployments"]]
    while pages[-1]["next"]:
        after = pages[-1]["next"]
        pages.append(
            desk.run(queries.get, make_command(), deployments=True, deployments_after=after)["all_deployments"]
        )
    assert [one["id"] for page in pages for one in page["deployments"]] == [f"{one:04}" for one in range(1_000)]


def test_deployments_of_a_change_that_was_stored_before_they_were_kept_apart_are_kept_with_the_next_one() -> None:
    desk = Desk()
    number = desk.approved()
    for one in range(DEPLOYMENTS_KEPT):
        desk.take(make_deployed(f"{one:04}", change=number))
    desk.store.collections["deployments"].clear()
    desk.take(make_deployed("last", change=number))
    assert len(desk.store.collections["deployments"]) == DEPLOYMENTS_KEPT + 1


def test_links_of_a_change_are_shown_up_to_a_number_and_counted() -> None:
    desk = Desk()
    number = desk.approved()
    for one in (*range(LINKS_KEPT + 9), 0):
        desk.run(commands.link, make_command(number), to=Link(kind=LinkKind.INCIDENT, number=f"INC{one:07d}"))
    answer = desk.run(queries.get, make_command(number))
    assert (len(answer["links"]), answer["links_total"]) == (LINKS_KEPT, LINKS_KEPT + 9)
