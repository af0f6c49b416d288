"""Commands and questions of people, and what problem tells."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from services.incident.domain.lifecycle import Action
from services.incident.domain.record import State
from services.incident.handlers import figures, lists, questions
from services.incident.schemas import commands as arguments
from services.incident.schemas.settings import load_settings
from shared.envelope import Lane
from shared.errors import Invalid
from shared.ids import deterministic_id
from shared.testing import make_envelope
from tests.unit.incident.factories import LATER, SETTINGS, House, make_alert, make_ticket

REQUESTER = {"kind": "person", "id": "u17", "roles": ["requester"]}
AGENT = {"kind": "person", "id": "alice", "roles": ["agent"]}


def get(house: House, number: str | None = None, actor: dict[str, Any] = AGENT, **args: Any) -> dict[str, Any]:
    request = {"number": number, "args": args, "actor": actor}
    return house.commands.answer(request, arguments.GetArgs(), partial(questions.get, ports=house.ports))


def find(house: House, **args: Any) -> dict[str, Any]:
    request = {"args": args, "actor": AGENT}
    reply = house.commands.answer(request, arguments.FindArgs(), partial(lists.find, ports=house.ports))
    page: dict[str, Any] = reply["record"]
    return page


def test_opening_answers_the_snapshot() -> None:
    record = House().do("open", title="No mail", impact="high", urgency="high", team="mail")["record"]
    assert (record["number"], record["version"], record["state"], record["priority"]) == (
        "INC0000001",
        1,
        "assigned",
        "P1",
    )


@pytest.mark.parametrize(
    ("args", "pointer"),
    [
        ({}, "/args/title"),
        ({"title": "  "}, "/args/title"),
        ({"title": "x", "impact": "huge"}, "/args/impact"),
        ({"title": "x", "colour": "red"}, "/args/colour"),
        ({"title": "x", "level": 5}, "/args/level"),
    ],
)
def test_what_is_wrong_with_an_opening_is_named(args: dict[str, Any], pointer: str) -> None:
    house = House()
    assert house.do("open", **args)["error"]["pointer"] == pointer
    assert house.incidents() == {}


def test_an_address_is_sealed_and_an_id_is_not() -> None:
    house = House()
    house.open(requester="Ann.Lee@example.com ")
    house.open(requester="u17")
    sealed, plain = (event.data["requester"] for event in house.events())
    identity = deterministic_id("person", "ann.lee@example.com")
    assert sealed == {"id": identity, "sealed": f"sealed for {identity}: Ann.Lee@example.com"}
    assert plain == {"id": "u17"}


def test_a_person_who_accepts_has_it() -> None:
    house = House()
    number = house.open()
    assert house.do("accept", number)["record"]["person"] == "alice"


def test_a_stale_version_is_refused() -> None:
    house = House()
    number = house.open()
    house.do("accept", number)
    reply = house.request("resolve", number, {"code": "x"}, expected_version=1)
    assert reply["error"]["slug"] == "version-mismatch"
    assert house.incident(number).state is State.IN_PROGRESS


def test_a_command_repeated_under_its_key_answers_what_the_first_did() -> None:
    house = House()
    replies = [house.request("open", None, {"title": "x"}, idempotency_key="k1") for _ in range(2)]
    assert replies[0] == replies[1]
    assert len(house.incidents()) == 1


def test_a_restricted_record_tells_little() -> None:
    house = House()
    house.open(title="A leak", restricted=True)
    (event,) = house.events()
    assert set(event.data) == {"number", "version", "state", "priority"}
    assert event.restricted


@pytest.mark.parametrize(
    ("actor", "kind"), [(AGENT, "agent"), (REQUESTER, "requester"), ({"kind": "service", "id": "problem"}, "system")]
)
def test_a_notes_author_stands_on_one_side(actor: dict[str, Any], kind: str) -> None:
    house = House()
    number = house.open()
    house.request("note", number, {"text": "Hello", "visibility": "public"}, actor)
    assert house.events()[-1].data["change"]["author_kind"] == kind
    assert (house.incident(number).first_public_reply_at == LATER) is (kind == "agent")


def test_private_notes_stay_in_the_house() -> None:
    house = House()
    number = house.open()
    house.do("note", number, text="The boss did it")
    house.do("note", number, text="We are on it", visibility="public")
    bodies = b"".join(row["body"] for row in house.rows("journal").values())
    assert b"The boss did it" not in bodies
    assert "The boss did it" not in str(house.rows("audit"))
    assert [note["text"] for note in get(house, number, notes=True)["record"]["notes"]] == [
        "The boss did it",
        "We are on it",
    ]
    assert len(get(house, number, REQUESTER, notes=True)["record"]["notes"]) == 1


def test_the_history_says_who_did_what_and_when() -> None:
    house = House()
    number = house.open()
    house.do("accept", number)
    house.do("escalate", number, summary="Beyond us", team="net")
    history = get(house, number, history=True)["record"]["history"]
    assert [(row["type"], row["by"]) for row in history] == [
        ("incident.opened", "alice"),
        ("incident.accepted", "alice"),
        ("incident.escalated", "alice"),
    ]
    assert history[2]["change"]["summary"] == "Beyond us"
    assert history[2]["at"] == "2026-03-02T10:00:00.000Z"


def test_a_record_is_found_by_its_alert_and_by_its_reference() -> None:
    house = House()
    house.tell(make_alert("1"), make_ticket())
    alert, ticket = house.incidents()
    assert get(house, dedup_key="disk:db1")["record"]["number"] == alert
    assert get(house, fingerprint=house.incident(alert).fingerprint)["record"]["number"] == alert
    assert get(house, external_ref="EXT-1")["record"]["number"] == ticket
    assert get(house, external_ref="EXT-1", source="/desk")["record"]["number"] == ticket
    assert get(house, external_ref="EXT-1", source="/other")["error"]["slug"] == "not-found"
    assert get(house)["error"]["pointer"] == "/number"


def test_lists_are_filtered_and_paged_by_number() -> None:
    house = House()
    for number in range(1, 8):
        house.open(team="mail" if number % 2 else "net", kind="request" if number > 5 else "incident")
    first = find(house, team="mail", limit=2)
    assert [record["number"] for record in first["records"]] == ["INC0000001", "INC0000003"]
    rest = find(house, team="mail", limit=100, after=first["next"])
    assert [record["number"] for record in rest["records"]] == ["INC0000005", "REQ0000002"]
    assert rest["next"] is None
    assert find(house, team="mail", kind=["request"])["records"] == rest["records"][1:]


@settings(max_examples=30, deadline=None)
@given(
    numbers=st.sets(st.integers(1, 9_999_999), max_size=12),
    longer=st.sets(st.integers(10_000_000, 99_999_999), max_size=3),
    limit=st.integers(1, 5),
)
def test_pages_together_hold_every_record_once(numbers: set[int], longer: set[int], limit: int) -> None:
    house = House()
    house.open()
    row = house.rows("incidents").pop("INC0000001")
    keys = {f"INC{number:07d}" for number in numbers | longer} | {f"REQ{number:07d}" for number in list(numbers)[:3]}
    house.rows("incidents").update({key: {**row, "_id": key, "key": key} for key in keys})
    seen, after = [], None
    while True:
        page = find(house, limit=limit, state=["new"], **({"after": after} if after else {}))
        seen += [record["number"] for record in page["records"]]
        after = page["next"]
        if after is None:
            break
    assert seen == sorted(keys)


def test_open_records_are_counted_by_priority_and_level() -> None:
    house = House()
    house.open()
    house.do("resolve", house.open(), code="fixed")
    counts = house.unit_of_work.run(figures.count_open)
    assert counts["P3", 1] == 1
    assert sum(counts.values()) == 1
    assert len(counts) == 16


def make_problem(event: str, **change: Any) -> Any:
    fields = {"id": "p1", "source": "/problem", "type": event, "subject": "PRB0000001", "time": LATER}
    return make_envelope(**fields, data={"number": "PRB0000001", "change": change})


def test_a_problem_is_linked_to_its_incidents_and_unknown_ones_are_passed_over() -> None:
    house = House()
    number = house.open()
    taken = house.tell_of_problem(make_problem("problem.linked", incidents=[number, "INC0000999", number]))
    assert not taken.rejected
    event = house.events()[-1]
    assert event.data["links"] == [{"kind": "problem", "number": "PRB0000001"}]
    assert (event.type, event.data["change"]["by"], event.causationid) == ("incident.linked", "problem", "p1")


def test_a_resolved_problem_resolves_what_is_unfinished() -> None:
    house = House()
    first, second = house.open(), house.open()
    house.do("close", second, code="fixed")
    house.tell_of_problem(make_problem("problem.resolved", incidents=[first, second], resolve=True, text="Patched"))
    assert house.incident(first).state is State.RESOLVED
    assert house.incident(second).state is State.CLOSED
    assert house.types().count("incident.resolved") == 1


def test_a_resolved_problem_that_resolves_nothing_leaves_a_private_note() -> None:
    house = House()
    number = house.open()
    house.tell_of_problem(make_problem("problem.resolved", incidents=[number], resolve=False, text="Patched"))
    assert house.incident(number).state is State.NEW
    assert [row["text"] for row in house.rows("notes").values()] == ["Patched"]
    assert house.events()[-1].data["change"]["visibility"] == "private"


def test_a_record_is_not_linked_to_itself() -> None:
    house = House()
    number = house.open()
    assert house.do("link", number, kind="incident", number_=1)["error"]["pointer"] == "/args/number_"
    reply = house.request("link", number, {"kind": "incident", "number": number})
    assert reply["error"]["pointer"] == "/args/number"


def test_every_action_has_arguments() -> None:
    assert set(arguments.ARGUMENTS) == set(Action)


def test_urgent_is_what_the_settings_say() -> None:
    house = House()
    house.open(impact="high", urgency="high")
    house.open()
    assert [event.lane for event in house.events()] == [Lane.URGENT, Lane.NORMAL]


def test_a_wrong_settings_file_names_every_fault(tmp_path: Path) -> None:
    file = tmp_path / "incident.yaml"
    document = yaml.safe_load(SETTINGS.read_text())
    del document["priorities"]["low"]["high"]
    del document["severities"]["info"]
    file.write_text(yaml.safe_dump(document))
    with pytest.raises(Invalid) as refusal:
        load_settings(file)
    assert refusal.value.slug == "bad-settings"
    assert "impact low, urgency high is missing" in refusal.value.message
    assert "severities: info is missing" in refusal.value.message
    document["lanes"]["P1"] = "express"
    file.write_text(yaml.safe_dump(document))
    with pytest.raises(Invalid, match=r"incident\.yaml: line \d+, lanes\.P1: "):
        load_settings(file)


@pytest.mark.parametrize("content", [b"priorities: {high: [", b"# caf\xe9\n", b"since: 2026-13-45", b"\tlanes: {}"])
def test_a_settings_file_that_cannot_be_read_is_named(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "incident.yaml"
    file.write_bytes(content)
    with pytest.raises(Invalid, match=r"incident\.yaml: ") as refusal:
        load_settings(file)
    assert refusal.value.slug == "bad-settings"


def test_a_missing_settings_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"absent\.yaml"):
        load_settings(tmp_path / "absent.yaml")


def test_a_fault_in_a_settings_files_yaml_has_its_line(tmp_path: Path) -> None:
    file = tmp_path / "incident.yaml"
    file.write_text("lanes:\n  P1: urgent\n P2: normal\n")
    with pytest.raises(Invalid, match="line 3"):
        load_settings(file)


@pytest.mark.parametrize("number", ["\u200b", "\0", "a\x1b[2J", "CHG 1\n", "\u3164"])
def test_a_link_to_what_nobody_can_read_is_refused(number: str) -> None:
    house = House()
    error = house.request("link", house.open(), {"kind": "change", "number": number})["error"]
    assert (error["slug"], error["pointer"]) == ("invalid", "/args/number")


@pytest.mark.parametrize("text", ["\u200b", "\0", "\u2800", "\u0301", " \n"])
@pytest.mark.parametrize(
    ("action", "field", "args"),
    [("escalate", "summary", {"level": 2}), ("note", "text", {})],
)
def test_a_text_that_is_needed_must_show_something(action: str, field: str, args: dict[str, Any], text: str) -> None:
    house = House()
    error = house.do(action, house.open(), **{field: text}, **args)["error"]
    assert (error["slug"], error["pointer"]) == ("invalid", f"/args/{field}")


@pytest.mark.parametrize("name", ["correlationid", "traceparent"])
@pytest.mark.parametrize("trail", ["a\n\x1b[2J", "\u200b", "\0"])
def test_a_trail_that_nobody_can_read_is_refused(name: str, trail: str) -> None:
    error = House().request("open", None, {"title": "t"}, **{name: trail})["error"]
    assert (error["slug"], error["pointer"]) == ("invalid", f"/{name}")
