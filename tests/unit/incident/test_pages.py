"""A record with a long history and many notes is told in pages of a bounded size."""

from __future__ import annotations

from typing import Any

import pytest

from services.incident.handlers import questions
from services.incident.handlers.pages import PAGE_BYTES, PAGE_ROWS
from services.incident.schemas.commands import GetArgs
from shared.envelope import Envelope
from tests.unit.incident.factories import House, batches, make_action, make_ticket


def make_note(number: int, text: str = "") -> Envelope:
    visibility = "public" if number % 2 else "private"
    return make_action(f"n{number}", "note", args={"text": f"{number} {text}", "visibility": visibility})


def noted(count: int, text: str = "") -> House:
    house = House()
    house.tell(make_ticket())
    for batch in batches([make_note(number, text) for number in range(count)], 20):
        assert not house.tell(*batch).rejected
    return house


def get(house: House, role: str = "agent", **args: Any) -> dict[str, Any]:
    request = {"number": "INC0000001", "args": args, "actor": {"kind": "person", "id": "alice", "roles": [role]}}

    def answer(work: Any, command: Any, given: Any) -> Any:
        return questions.get(work, command, given, ports=house.ports)

    record: dict[str, Any] = house.commands.answer(request, GetArgs(), answer)["record"]
    return record


def pages(house: House, name: str, role: str = "agent") -> list[list[dict[str, Any]]]:
    found, after = [], 0
    while after is not None:
        answer = get(house, role, **{name: True, f"{name}_after": after})
        found.append(answer[name])
        after = answer[f"{name}_next"]
    return found


@pytest.mark.parametrize(("count", "text"), [(2 * PAGE_ROWS + 50, ""), (60, "x" * 31_000)])
def test_all_notes_are_read_page_by_page_in_their_order(count: int, text: str) -> None:
    found = pages(noted(count, text), "notes")
    assert len(found) > 2
    assert [note["text"].split()[0] for page in found for note in page] == [str(number) for number in range(count)]
    assert max(len(page) for page in found) <= PAGE_ROWS
    assert max(sum(len(note["text"]) for note in page) for page in found) <= PAGE_BYTES


def test_a_history_is_read_page_by_page() -> None:
    found = pages(noted(2 * PAGE_ROWS), "history")
    assert [len(page) for page in found] == [PAGE_ROWS, PAGE_ROWS, 1]
    assert [found[0][0]["type"], found[0][1]["type"]] == ["incident.opened", "incident.noted"]


def test_a_page_leaves_private_notes_out_and_goes_on_behind_them() -> None:
    found = pages(noted(2 * PAGE_ROWS + 10), "notes", "requester")
    assert sum(len(page) for page in found) == PAGE_ROWS + 5
    assert {note["visibility"] for page in found for note in page} == {"public"}


def test_a_short_record_is_one_page() -> None:
    answer = get(noted(3), history=True, notes=True)
    assert (len(answer["history"]), len(answer["notes"])) == (4, 3)
    assert (answer["history_next"], answer["notes_next"]) == (None, None)
