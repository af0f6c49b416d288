"""What people do to problems, and what they ask."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.problem import storage
from services.problem.handlers import commands, queries
from services.problem.settings import read_rule
from shared.config import SettingsError
from shared.errors import Conflict, DeskwireError, NotAllowed, NotFound, VersionMismatch
from shared.store import Writes
from shared.unit_of_work import Work
from tests.unit.problem.factories import PROBLEMS, Desk, make_command, make_event, make_incident

SCOPE = {"title": "Payments fail", "service": "payments", "fingerprint": "db-down"}
SETTINGS = Path(__file__).parents[3] / "deploy" / "settings" / "problem.yaml"


def test_a_person_cannot_open_a_second_problem_for_one_signature() -> None:
    desk = Desk()
    desk.open(commands.open, **SCOPE)
    with pytest.raises(NotAllowed) as caught:
        desk.open(commands.open, **SCOPE)
    assert caught.value.slug == "problem-exists"


def test_problems_without_a_signature_stand_beside_each_other() -> None:
    desk = Desk()
    for _ in range(2):
        desk.open(commands.open, title="Payments fail")
    assert [problem["state"] for problem in desk.problems()] == ["open", "open"]


def test_incidents_join_the_problem_that_a_person_opened() -> None:
    desk = Desk()
    desk.open(commands.open, **SCOPE)
    desk.take(make_event(make_incident(1)))
    assert desk.problems()[0]["incidents"] == ["INC0000001"]


def test_an_incident_that_a_person_linked_is_not_counted_again() -> None:
    desk = Desk()
    desk.take(*[make_event(make_incident(number)) for number in (1, 2)])
    desk.open(commands.open, title="Something else")
    desk.run(commands.link, kind="incident", number="INC0000001")
    desk.take(make_event(make_incident(3)))
    assert len(desk.problems()) == 1


def test_a_resolved_problem_is_not_reopened_beside_another_one() -> None:
    desk = Desk()
    desk.open(commands.open, **SCOPE)
    desk.run(commands.resolve, text="patched")
    desk.open(commands.open, **SCOPE)
    with pytest.raises(NotAllowed) as caught:
        desk.run(commands.reopen, reason="it is back")
    assert caught.value.slug == "problem-exists"


def test_a_command_on_another_version_is_refused() -> None:
    desk = Desk()
    desk.open(commands.open, **SCOPE)
    with pytest.raises(VersionMismatch):
        desk.run(commands.resolve, make_command(expected_version=7), text="patched")


def test_an_unknown_problem_is_not_found() -> None:
    with pytest.raises(NotFound):
        Desk().run(queries.get)


STEPS: dict[str, tuple[Any, dict[str, Any]]] = {
    "accept": (commands.accept, {}),
    "resolve": (commands.resolve, {"text": "patched"}),
    "reopen": (commands.reopen, {"reason": "it is back"}),
    "reject": (commands.reject, {"reason": "known noise"}),
    "close": (commands.close, {}),
}
UNSOLVED = {"proposed", "open", "known_error"}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.integers(1, 40),
            st.just("open"),
            st.tuples(st.sampled_from(sorted(STEPS)), st.integers(1, 4)),
        ),
        max_size=40,
    )
)
def test_a_signature_never_has_two_unsolved_problems(moves: list[Any]) -> None:
    desk = Desk()
    for move in moves:
        try:
            match move:
                case int():
                    desk.take(make_event(make_incident(move)))
                case "open":
                    desk.open(commands.open, **SCOPE)
                case (name, number):
                    handler, args = STEPS[name]
                    desk.run(handler, make_command(f"PRB{number:07d}"), **args)
        except DeskwireError:
            pass
        unsolved = [problem["_id"] for problem in desk.problems() if problem["state"] in UNSOLVED]
        claims = [row["problem"] for row in desk.store.collections.get("open_problems", {}).values()]
        assert len(unsolved) <= 1
        assert claims == unsolved


def test_of_two_replicas_that_each_see_one_incident_too_few_one_must_look_again() -> None:
    desk = Desk()
    desk.take(make_event(make_incident(1)))
    first, second = (pending(desk, number) for number in (2, 3))
    desk.store.commit(first)
    with pytest.raises(Conflict):
        desk.store.commit(second)


def pending(desk: Desk, number: int) -> Writes:
    work = Work(desk.store, desk.unit_of_work.clock, desk.unit_of_work.ids)
    desk.take_handler(work, [make_event(make_incident(number))])
    return work.writes


def test_every_collection_that_is_written_has_a_document() -> None:
    desk = Desk()
    desk.take(*[make_event(make_incident(number)) for number in (1, 2, 3)])
    described = {document._get_collection_name() for document in storage.DOCUMENTS}
    assert set(desk.store.collections) - {"inbox", "journal", "audit"} == described


def test_found_problems_come_in_pages() -> None:
    desk = Desk()
    for _ in range(3):
        desk.open(commands.open, title="Payments fail")
    asked: dict[str, Any] = {"state": ["open"], "limit": 2}
    first = desk.run(queries.find, **asked)
    second = desk.run(queries.find, after=first["next"], **asked)
    assert [record["number"] for record in first["records"]] == ["PRB0000001", "PRB0000002"]
    assert [record["number"] for record in second["records"]] == ["PRB0000003"]
    assert second["next"] is None


def test_a_snapshot_carries_every_field_of_the_record_but_its_signature() -> None:
    snapshot = Desk().open(commands.open, **SCOPE)
    assert set(PROBLEMS.shape.kind.__dataclass_fields__) - {"signature"} == set(snapshot) - {"number", "version"}


def test_the_settings_file_of_the_house_is_valid() -> None:
    assert read_rule(SETTINGS).window == timedelta(days=7)


def test_wrong_settings_are_named_all_at_once(tmp_path: Path) -> None:
    path = tmp_path / "problem.yaml"
    path.write_text("recurrence: {window_days: 0, count: 1, colour: red}")
    with pytest.raises(SettingsError) as caught:
        read_rule(path)
    for place in ("recurrence.window_days: ", "recurrence.count: ", "recurrence.colour: "):
        assert place in caught.value.message
