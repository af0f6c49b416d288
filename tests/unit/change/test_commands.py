"""What people do to changes, and what they ask."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.change import schemas, storage
from services.change.domain.change import Degree, Kind, Link, LinkKind, Result
from services.change.handlers import commands, queries
from services.change.settings import read_templates
from shared.command import load
from shared.config import SettingsError
from shared.errors import Forbidden, Invalid, NotFound, VersionMismatch
from shared.testing import published
from tests.unit.change.factories import CHANGES, NOW, Desk, make_command, make_deployed

SETTINGS = Path(__file__).parents[3] / "deploy" / "settings" / "change.yaml"


def test_a_change_goes_its_whole_way() -> None:
    desk = Desk()
    desk.approved()
    desk.run(commands.schedule, start_at=NOW, end_at=NOW + timedelta(hours=2))
    desk.run(commands.implement)
    desk.run(commands.complete)
    desk.run(commands.review, outcome=Result.SUCCESSFUL)
    snapshot = desk.run(commands.close)
    assert (snapshot["state"], snapshot["outcome"], snapshot["version"]) == ("closed", "successful", 8)
    assert [event.sequence for event in published(desk.store)] == list(range(1, 9))


def test_the_one_who_asked_is_the_one_who_sent_the_command() -> None:
    assert Desk().request()["requester"] == {"id": "alice"}


def test_the_one_who_asked_cannot_approve() -> None:
    desk = Desk()
    desk.request()
    desk.run(commands.assess, risk=Degree.LOW, impact=Degree.LOW)
    with pytest.raises(Forbidden):
        desk.run(commands.approve, make_command(by="alice"))


def test_a_standard_change_needs_a_template_that_is_there() -> None:
    with pytest.raises(Invalid) as caught:
        Desk().request(kind=Kind.STANDARD, template="nope")
    assert caught.value.pointer == "/args/template"


def test_a_standard_change_is_approved_as_it_is_asked_for() -> None:
    snapshot = Desk().request(kind=Kind.STANDARD, template="restart")
    assert (snapshot["state"], snapshot["version"]) == ("approved", 2)


def test_a_command_on_another_version_is_refused() -> None:
    desk = Desk()
    desk.request()
    with pytest.raises(VersionMismatch):
        desk.run(commands.cancel, make_command(expected_version=7), reason="no need")


def test_a_link_is_shown() -> None:
    desk = Desk()
    desk.request()
    snapshot = desk.run(commands.link, to=Link(kind=LinkKind.INCIDENT, number="INC0000001"))
    assert snapshot["links"] == [{"kind": "incident", "number": "INC0000001"}]


def test_an_unknown_change_is_not_found() -> None:
    with pytest.raises(NotFound):
        Desk().run(queries.get)


def test_found_changes_come_in_pages() -> None:
    desk = Desk()
    for _ in range(3):
        desk.request()
    asked: dict[str, Any] = {"state": ["requested"], "service": "payments", "limit": 2}
    first = desk.run(queries.find, **asked)
    second = desk.run(queries.find, after=first["next"], **asked)
    assert [record["number"] for record in first["records"]] == ["CHG0000001", "CHG0000002"]
    assert [record["number"] for record in second["records"]] == ["CHG0000003"]
    assert second["next"] is None


def test_a_snapshot_carries_every_field_of_the_record() -> None:
    snapshot = Desk().request()
    assert set(CHANGES.shape.kind.__dataclass_fields__) == set(snapshot) - {"number", "version", "unauthorised"}


def test_every_collection_that_is_written_has_a_document() -> None:
    desk = Desk()
    desk.take(make_deployed())
    desk.run(commands.link, to=Link(kind=LinkKind.INCIDENT, number="INC0000001"))
    described = {document._get_collection_name() for document in storage.DOCUMENTS}
    assert set(desk.store.collections) - {"inbox", "journal", "audit"} == described


def test_arguments_become_what_the_rules_speak_of() -> None:
    times = {"start_at": "2026-03-02T10:00:00+01:00", "end_at": "2026-03-02T12:00:00Z"}
    assert load(schemas.ScheduleArgs(), times)["start_at"] == NOW
    assert load(schemas.RequestArgs(), {"title": "x"}) == {"kind": Kind.NORMAL, "title": "x"}
    link = load(schemas.LinkArgs(), {"kind": "problem", "number": "PRB0000001"})
    assert link == {"to": Link(kind=LinkKind.PROBLEM, number="PRB0000001")}


@pytest.mark.parametrize(
    ("schema", "args", "pointer"),
    [
        (schemas.RequestArgs(), {"title": "x", "kind": "unauthorised"}, "/kind"),
        (schemas.RequestArgs(), {"title": "x", "colour": "red"}, "/colour"),
        (schemas.ScheduleArgs(), {"start_at": "2026-03-02T10:00:00", "end_at": "2026-03-02T12:00:00Z"}, "/start_at"),
        (schemas.ScheduleArgs(), {"start_at": "0001-01-01T00:00:00Z", "end_at": "2026-03-02T12:00:00Z"}, "/start_at"),
        (schemas.ReviewArgs(), {"outcome": "fine"}, "/outcome"),
    ],
)
def test_wrong_arguments_are_refused_with_their_place(schema: Any, args: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as caught:
        load(schema, args)
    assert caught.value.pointer == pointer


def test_the_settings_file_of_the_house_is_valid() -> None:
    assert read_templates(SETTINGS)["restart"].allows("payments")


def test_wrong_settings_are_named_all_at_once(tmp_path: Path) -> None:
    path = tmp_path / "change.yaml"
    path.write_text("templates: {restart: {title: x, risk: huge, impact: low, colour: red}}")
    with pytest.raises(SettingsError) as caught:
        read_templates(path)
    for place in ("risk", "colour", "approved_by"):
        assert f"line 1, templates.restart.{place}: " in caught.value.message


@pytest.mark.parametrize("content", [b"templates: {a: [", b"# caf\xe9\n", b"since: 2026-13-45"])
def test_a_settings_file_that_cannot_be_read_is_named(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "change.yaml"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=r"change\.yaml: "):
        read_templates(file)
