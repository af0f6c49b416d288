"""Which change a deployment belongs to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.change.domain.change import DEPLOYMENTS_KEPT, Change, Deployment, Kind, Result, State
from services.change.domain.lifecycle import record_deployment
from services.change.domain.matching import DEPLOYABLE, Match, Reason, match
from services.change.handlers import commands
from shared.errors import Conflict
from shared.store import Document, Writes
from shared.testing import MemoryStore, make_unit_of_work, published
from shared.unit_of_work import Work
from tests.unit.change.factories import NOW, Desk, make_approved, make_command, make_deployed, make_deployment

NAMES = st.sampled_from([None, "payments", "search"])
HOURS = st.integers(0, 5)


@st.composite
def changes(draw: st.DrawFn) -> Change:
    start, length = draw(HOURS), draw(st.integers(1, 3))
    has_window, state = draw(st.booleans()), draw(st.sampled_from(list(State)))
    return make_approved(
        state=state,
        service=draw(NAMES),
        ci=draw(NAMES),
        start_at=NOW + timedelta(hours=start) if has_window else None,
        end_at=NOW + timedelta(hours=start + length) if has_window else None,
        implemented_at=NOW + timedelta(hours=draw(HOURS)) if state.value in MADE else None,
    )


MADE = {"implemented", "reviewed", "closed"}
deployments = st.builds(
    make_deployment,
    service=NAMES,
    ci=NAMES,
    change=st.sampled_from([None, "CHG0", "CHG1", "CHG9"]),
    at=HOURS.map(lambda hours: NOW + timedelta(hours=hours)),
)


@given(deployments, st.lists(changes(), max_size=5))
def test_a_match_is_what_its_reason_says(deployment: Deployment, found: list[Change]) -> None:
    by_number = {f"CHG{index}": change for index, change in enumerate(found)}
    verdict = match(deployment, by_number)
    candidates = [
        number
        for number, change in by_number.items()
        if covers(change, deployment)
        and (change.state in DEPLOYABLE or (change.state.value == "implemented" and in_time(change, deployment)))
        and (change.start_at is None or change.start_at <= deployment.at < (change.end_at or deployment.at))
    ]
    named = by_number.get(deployment.change or "")
    allowed = named is not None and (
        named.state in DEPLOYABLE or (named.state.value in MADE and in_time(named, deployment))
    )
    if named is not None and allowed and covers(named, deployment):
        assert verdict == Match(reason=Reason.NAMED, number=deployment.change)
    elif len(candidates) == 1:
        assert verdict == Match(reason=Reason.ONLY_CANDIDATE, number=candidates[0])
    else:
        assert verdict == Match(reason=Reason.AMBIGUOUS if candidates else Reason.NO_CANDIDATE)


def covers(change: Change, deployment: Deployment) -> bool:
    ours, theirs = (change.service, change.ci), (deployment.service, deployment.ci)
    shared = [(a, b) for a, b in zip(ours, theirs, strict=True) if a is not None and b is not None]
    return len(shared) > 0 and all(a == b for a, b in shared)


def in_time(change: Change, deployment: Deployment) -> bool:
    return change.implemented_at is not None and deployment.at <= change.implemented_at


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 6), st.sampled_from(["payments", "search"]), st.sampled_from(["1", "2", None]))),
    st.randoms(use_true_random=False),
    st.integers(1, 4),
)
def test_order_duplicates_and_batches_of_deployments_do_not_matter(sent: Any, random: Any, size: int) -> None:
    # One id is one event: a repetition says the same.
    first = {identity: (service, version) for identity, service, version in reversed(sent)}
    envelopes = [
        make_deployed(str(identity), service=first[identity][0], version=first[identity][1]) for identity, _, _ in sent
    ]
    random.shuffle(envelopes)
    desk = Desk()
    number = desk.approved(service="search")
    for start in range(0, len(envelopes), size):
        desk.take(*envelopes[start : start + size])
    payments = {
        (version or f"event {identity}") for identity, (service, version) in first.items() if service != "search"
    }
    assert len([row for row in desk.changes() if row["kind"] == "unauthorised"]) == len(payments)
    assert sum(row["deployment_count"] for row in desk.changes()) == len(first)
    (approved,) = [row for row in desk.changes() if row["_id"] == number]
    assert approved["deployment_count"] == sum(service == "search" for service, _ in first.values())
    assert sum(row["version"] for row in desk.changes()) == len(published(desk.store))


class Counted(MemoryStore):
    """A store that knows how many documents were found."""

    found = 0

    def find(self, collection: str, *places: Any, **options: Any) -> list[Document]:
        found = super().find(collection, *places, **options)
        self.found += len(found)
        return found


def read_for_one_more(open_changes: int) -> int:
    desk, store = Desk(), Counted()
    for number in range(open_changes):
        desk.take(make_deployed(f"d{number}", version=f"1.{number}"))
    store.collections = desk.store.collections
    desk.unit_of_work = make_unit_of_work(store, NOW + timedelta(hours=1))
    desk.unit_of_work.ids.new = lambda: "ffffffff"  # type: ignore[method-assign]
    desk.take(make_deployed("one more", version="2", time=NOW + timedelta(minutes=59)))
    return store.found


def test_one_more_deployment_reads_no_more_however_many_unauthorised_changes_are_open() -> None:
    assert read_for_one_more(100) == read_for_one_more(5) <= 1


def test_a_deployment_that_names_its_change_is_noted_there() -> None:
    desk = Desk()
    numbers = [desk.approved(), desk.approved()]
    desk.take(make_deployed(change=numbers[1].lower()))
    event = published(desk.store)[-1]
    assert (event.type, event.subject) == ("change.deployment_matched", numbers[1])
    assert event.data["change"]["reason"] == "named"
    assert event.data["deployments"][0]["version"] == "2.4.0"


def test_a_deployment_belongs_to_the_only_change_that_fits() -> None:
    desk = Desk()
    number = desk.approved()
    desk.approved(service="search")
    desk.take(make_deployed())
    assert published(desk.store)[-1].subject == number
    assert published(desk.store)[-1].data["change"]["reason"] == "only_candidate"


def test_a_deployment_that_could_belong_to_two_changes_is_unauthorised() -> None:
    desk = Desk()
    desk.approved()
    desk.approved()
    desk.take(make_deployed())
    assert published(desk.store)[-1].type == "change.unauthorised"
    assert published(desk.store)[-1].data["change"]["reason"] == "ambiguous"


def test_a_deployment_outside_the_window_is_unauthorised() -> None:
    desk = Desk()
    number = desk.approved()
    window = {"start_at": NOW + timedelta(hours=1), "end_at": NOW + timedelta(hours=2)}
    desk.run(commands.schedule, make_command(number), **window)
    desk.take(make_deployed())
    assert [row["kind"] for row in desk.changes()] == ["normal", "unauthorised"]


def test_a_change_that_was_not_approved_covers_nothing() -> None:
    desk = Desk()
    number = desk.request()["number"]
    desk.take(make_deployed(change=number))
    assert desk.changes()[1]["state"] == "implemented"
    assert desk.changes()[1]["deployments"][0]["change"] == number


def test_news_of_a_deployment_that_comes_after_completion_still_belongs_to_the_change() -> None:
    desk = Desk()
    number = desk.approved()
    desk.run(commands.schedule, make_command(number), start_at=NOW, end_at=NOW + timedelta(hours=2))
    desk.run(commands.implement, make_command(number))
    desk.run(commands.complete, make_command(number))
    desk.take(make_deployed(), make_deployed("2", change=number))
    assert [row["deployment_count"] for row in desk.changes()] == [2]


def test_the_same_version_again_joins_its_unauthorised_change() -> None:
    desk = Desk()
    desk.take(make_deployed("1"), make_deployed("2"))
    desk.take(make_deployed("3"), make_deployed("3"), make_deployed("1"))
    (change,) = desk.changes()
    assert (change["kind"], change["deployment_count"], change["version"]) == ("unauthorised", 3, 3)


@pytest.mark.parametrize("version", ["2.4.0", None])
def test_the_same_version_after_its_unauthorised_change_was_closed_opens_another(version: str | None) -> None:
    desk = Desk()
    desk.take(make_deployed("1", version=version))
    first = make_command("CHG0000001")
    desk.run(commands.review, first, outcome=Result.SUCCESSFUL)
    desk.run(commands.close, first)
    assert desk.store.collections["unauthorised"] == {}
    desk.take(make_deployed("2", version=version), make_deployed("3", version=version))
    assert published(desk.store)[3].type == "change.unauthorised"
    assert desk.changes()[0]["deployment_count"] == 1
    assert sum(row["deployment_count"] for row in desk.changes()[1:]) == 2


def test_closing_an_authorised_change_leaves_the_claim_of_another_as_it_is() -> None:
    desk = Desk()
    number = desk.approved()
    desk.take(make_deployed("1", change=number))
    desk.run(commands.schedule, make_command(number), start_at=NOW, end_at=NOW + timedelta(hours=2))
    for handler in (commands.implement, commands.complete):
        desk.run(handler, make_command(number))
    desk.unit_of_work.clock.advance(timedelta(hours=3))  # type: ignore[attr-defined]
    desk.take(replace(make_deployed("2"), time=NOW + timedelta(hours=3)))
    desk.run(commands.review, make_command(number), outcome=Result.SUCCESSFUL)
    desk.run(commands.close, make_command(number))
    assert [row["change"] for row in desk.store.collections["unauthorised"].values()] == [desk.changes()[1]["_id"]]


def test_an_unauthorised_change_says_who_reported_it_and_when_it_was_made() -> None:
    desk = Desk()
    desk.take(make_deployed(by="carol"))
    (event,) = published(desk.store)
    assert event.data["unauthorised"] is True
    assert event.data["change"]["by"] == "system:/pipeline"
    assert event.data["change"]["deployment"]["by"] == "carol"
    assert event.time == NOW


def test_a_deployment_of_nothing_in_particular_is_rejected_and_the_rest_goes_on() -> None:
    desk = Desk()
    taken = desk.take(make_deployed("1", service=" ", ci=""), make_deployed("2"))
    assert {key: error.slug for key, error in taken.rejected.items()} == {"1": "invalid"}
    assert taken.handled == {"2"}


@pytest.mark.parametrize("year", [1, 1970, 1989])
def test_a_deployment_without_a_real_time_was_made_now(year: int) -> None:
    desk = Desk()
    assert not desk.take(replace(make_deployed(), time=datetime(year, 1, 1, tzinfo=UTC))).rejected
    assert desk.changes()[0]["opened_at"] == desk.unit_of_work.clock.now()


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({"version": 17}, {"version": "17"}),
        ({"version": 2.5}, {"version": "2.5"}),
        ({"version": "x" * 300}, {"version": "x" * 254 + "…"}),
        ({"by": {"name": "carol"}}, {"by": '{"name":"carol"}'}),
        ({"pipeline": ["a", 1]}, {"pipeline": '["a",1]'}),
        ({"service": 4711}, {"service": "4711"}),
        ({"ci": ["db1"]}, {"ci": None}),
        ({"change": {"number": 1}}, {"change": None}),
        ({"by": "\u3164", "pipeline": "\0"}, {"by": None, "pipeline": None}),
    ],
)
def test_a_deployment_is_not_refused_for_a_detail(said: dict[str, Any], kept: dict[str, Any]) -> None:
    desk = Desk()
    assert not desk.take(make_deployed(**said)).rejected
    (event,) = published(desk.store)
    deployment = event.data["change"]["deployment"]
    assert {name: deployment[name] for name in kept} == kept


@pytest.mark.parametrize("service", ["\u3164", "\u200b", "\u0301", ["no"], {"a": 1}])
def test_a_deployment_of_what_nobody_can_read_is_rejected(service: Any) -> None:
    taken = Desk().take(make_deployed(service=service))
    assert taken.rejected["1"].pointer == "/data/service"


def test_history_of_deployments_without_a_real_time_is_rejected() -> None:
    desk = Desk()
    taken = desk.take(replace(make_deployed(), time=datetime(1, 1, 1, tzinfo=UTC), backfill=True))
    assert (taken.rejected["1"].pointer, taken.rejected["1"].message) == ("/time", "time must not be before 1990-01-01")


def test_two_replicas_cannot_open_two_changes_for_one_version() -> None:
    desk = Desk()
    first, second = pending(desk, "1"), pending(desk, "2")
    desk.store.commit(first)
    with pytest.raises(Conflict):
        desk.store.commit(second)


def test_a_deployment_cannot_join_a_change_that_is_closed_at_the_same_moment() -> None:
    desk = Desk()
    desk.take(make_deployed("1"))
    desk.run(commands.review, outcome=Result.SUCCESSFUL)
    joining = pending(desk, "2")
    desk.run(commands.close)
    with pytest.raises(Conflict):
        desk.store.commit(joining)


def pending(desk: Desk, identity: str) -> Writes:
    work = Work(desk.store, desk.unit_of_work.clock, desk.unit_of_work.ids)
    desk.take_handler(work, [make_deployed(identity)])
    return work.writes


def test_a_sender_whose_clock_is_ahead_deploys_now() -> None:
    desk = Desk()
    desk.unit_of_work.clock.advance(timedelta(hours=-1))  # type: ignore[attr-defined]
    desk.take(make_deployed())
    assert desk.changes()[0]["opened_at"] == NOW - timedelta(hours=1)


def test_the_list_of_deployments_is_bounded_and_the_count_is_not() -> None:
    change = make_approved(kind=Kind.NORMAL)
    for number in range(DEPLOYMENTS_KEPT + 5):
        change, _ = record_deployment(change, make_deployment(id=str(number)), reason="named")
    assert (len(change.deployments), change.deployment_count) == (DEPLOYMENTS_KEPT, DEPLOYMENTS_KEPT + 5)
    assert change.deployments[-1].id == str(DEPLOYMENTS_KEPT + 4)
