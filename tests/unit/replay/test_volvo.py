"""How the status log becomes what was done."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.replay.formats import find, names
from deskwire.replay.formats.volvo import LEVELS, events
from shared.clock import parse_instant
from shared.envelope import Envelope, Lane, decode, encode
from shared.errors import Invalid

STATUSES = (
    ("Queued", "Awaiting Assignment"),
    ("Accepted", "In Progress"),
    ("Accepted", "Assigned"),
    ("Accepted", "Wait"),
    ("Accepted", "Wait - User"),
    ("Accepted", "Wait - Vendor"),
    ("Accepted", "Wait - Customer"),
    ("Accepted", "Wait - Implementation"),
    ("Completed", "Resolved"),
    ("Completed", "In Call"),
    ("Completed", "Closed"),
    ("Completed", "Cancelled"),
    ("Unmatched", "Unmatched"),
)


def make_row(status: str = "Accepted/In Progress", **overrides: str) -> dict[str, str]:
    first, second = status.split("/", 1)
    row = {
        "sr_number": "1-1",
        "changed_at": "2011-02-28T14:13:33+01:00",
        "status": first,
        "sub_status": second,
        "function_division": "A2_1",
        "org_line": "Org line C",
        "support_team": "D2",
        "support_level": "L1",
        "impact": "Medium",
        "product": "PROD706",
        "country": "nl",
        "owner_country": "Belgium",
        "owner": "agent-1",
    }
    return {**row, **overrides}


def actions(rows: Iterable[dict[str, str]]) -> list[str]:
    return [event.data.get("action", "submit") for event in events(rows)]


def last(*rows: dict[str, str]) -> Envelope:
    return list(events(rows))[-1]


QUEUED = "Queued/Awaiting Assignment"
ACCEPTED = "Accepted/In Progress"
RESOLVED = "Completed/Resolved"
IN_CALL = "Completed/In Call"
CLOSED = "Completed/Closed"
UNMATCHED = "Unmatched/Unmatched"


def test_the_first_row_submits_the_case_with_who_has_it() -> None:
    submitted = next(events([make_row()]))
    assert submitted.type == "ticket.submitted"
    assert submitted.time == parse_instant("2011-02-28T13:13:33+00:00")
    assert (submitted.subject, submitted.sequence, submitted.lane, submitted.backfill) == ("1-1", 1, Lane.BULK, True)
    assert submitted.source == "/replay/volvo"
    assert submitted.data == {
        "external_ref": "1-1",
        "title": "PROD706: case 1-1",
        "kind": "incident",
        "channel": "import",
        "impact": "medium",
        "urgency": "medium",
        "service": "PROD706",
        "organisation": "Org line C",
        "category": "A2_1",
        "level": 1,
        "team": "D2",
        "person": "agent-1",
    }


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (QUEUED, ["submit"]),
        (UNMATCHED, ["submit"]),
        (ACCEPTED, ["submit", "accept"]),
        ("Accepted/Assigned", ["submit", "assign"]),
        ("Accepted/Wait - User", ["submit", "wait"]),
        (RESOLVED, ["submit", "resolve"]),
    ],
)
def test_the_first_row_also_does_what_its_status_says(status: str, told: list[str]) -> None:
    assert actions([make_row(status)]) == told


@pytest.mark.parametrize(
    ("status", "action", "args"),
    [
        (QUEUED, "assign", {}),
        (ACCEPTED, "accept", {}),
        ("Accepted/Assigned", "assign", {}),
        ("Accepted/Wait", "wait", {"reason": "other"}),
        ("Accepted/Wait - User", "wait", {"reason": "user"}),
        ("Accepted/Wait - Vendor", "wait", {"reason": "vendor"}),
        ("Accepted/Wait - Customer", "wait", {"reason": "customer"}),
        ("Accepted/Wait - Implementation", "wait", {"reason": "change"}),
        (RESOLVED, "resolve", {"code": "resolved"}),
        (IN_CALL, "resolve", {"code": "in_call"}),
        ("Completed/Cancelled", "cancel", {}),
    ],
)
def test_a_status_is_an_action(status: str, action: str, args: dict[str, Any]) -> None:
    event = last(make_row(), make_row(status))
    assert (event.data["action"], event.data["args"]) == (action, args)


def test_a_queue_is_a_teams_and_nobodys() -> None:
    data = last(make_row(), make_row(QUEUED, support_team="V5")).data
    assert (data["team"], "person" in data) == ("V5", False)
    assert last(make_row(), make_row("Accepted/Assigned", owner="bo")).data["person"] == "bo"


def test_the_tool_that_wrote_a_row_is_no_person() -> None:
    assert "person" not in last(make_row(RESOLVED), make_row(CLOSED, owner="system")).data


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (RESOLVED, CLOSED, ["close"]),
        (IN_CALL, CLOSED, ["close"]),
        (IN_CALL, IN_CALL, []),
        (RESOLVED, RESOLVED, []),
        (CLOSED, CLOSED, []),
        (CLOSED, RESOLVED, []),
        (RESOLVED, QUEUED, ["reopen", "assign"]),
        (CLOSED, ACCEPTED, ["reopen", "accept"]),
        (IN_CALL, "Accepted/Wait - User", ["reopen", "wait"]),
        (RESOLVED, UNMATCHED, ["reopen"]),
        (ACCEPTED, UNMATCHED, []),
    ],
)
def test_what_follows_a_finished_case(before: str, after: str, told: list[str]) -> None:
    already = len(actions([make_row(before)]))
    assert actions([make_row(before), make_row(after)])[already:] == told


def test_unmatched_reopens_to_new() -> None:
    assert last(make_row(RESOLVED), make_row(UNMATCHED)).data["args"]["to"] == "new"
    assert "to" not in list(events([make_row(RESOLVED), make_row(ACCEPTED)]))[2].data["args"]


@pytest.mark.parametrize(
    ("levels", "told"),
    [
        (("L1", "L2"), ["escalate", "accept"]),
        (("L3", "L1"), ["hand_back", "accept"]),
        (("L2", "L2/L3"), ["accept"]),
        (("L2/L3", "L3"), ["escalate", "accept"]),
    ],
)
def test_a_change_of_level_is_handed_over_first(levels: tuple[str, str], told: list[str]) -> None:
    rows = [make_row(support_level=level) for level in levels]
    assert actions(rows)[2:] == told


def test_a_hand_over_carries_where_it_goes_and_a_summary() -> None:
    rows = [make_row(), make_row(QUEUED, support_level="L2", support_team="V5")]
    handed = list(events(rows))[2].data
    assert (handed["action"], handed["level"], handed["team"]) == ("escalate", 2, "V5")
    assert handed["args"]["summary"] == "D2 (level 1) to V5 (level 2): Queued, Awaiting Assignment"


def test_a_finished_case_is_handed_over_before_it_is_reopened() -> None:
    rows = [make_row(RESOLVED), make_row(ACCEPTED, support_level="L2")]
    assert actions(rows)[2:] == ["escalate", "reopen", "accept"]


def test_a_finished_case_is_handed_over_even_when_nothing_else_happens() -> None:
    assert actions([make_row(CLOSED), make_row(CLOSED, support_level="L3")])[2:] == ["escalate"]


@pytest.mark.parametrize(
    ("impact", "ours"), [("Major", "high"), ("High", "high"), ("Medium", "medium"), ("Low", "low")]
)
def test_impacts(impact: str, ours: str) -> None:
    assert next(events([make_row(impact=impact)])).data["impact"] == ours


@pytest.mark.parametrize(
    "overrides",
    [
        {"support_level": "L9"},
        {"impact": "Huge"},
        {"sub_status": "Lost"},
        {"changed_at": "2011-02-28T14:13:33"},
    ],
)
def test_a_row_that_cannot_be_told_is_named(overrides: dict[str, str]) -> None:
    with pytest.raises(Invalid, match="row 2"):
        list(events([make_row(), make_row(sr_number="1-2", **overrides)]))


def test_a_missing_column_is_named() -> None:
    row = make_row()
    del row["support_level"]
    with pytest.raises(Invalid, match="row 1 has no column 'support_level'"):
        list(events([row]))


def test_formats_are_found_by_name() -> None:
    assert "volvo" in names()
    assert find("volvo") is events
    with pytest.raises(Invalid, match="volvo"):
        find("nothing")


rows = st.builds(
    make_row,
    st.sampled_from(["/".join(pair) for pair in STATUSES]),
    sr_number=st.sampled_from(["1-1", "1-2", "1-3"]),
    support_level=st.sampled_from(sorted(LEVELS)),
    owner=st.sampled_from(["agent-1", "agent-2", "system"]),
)


@given(st.lists(rows, max_size=40))
def test_whatever_the_rows_sequences_are_gapless_ids_repeat_and_envelopes_are_valid(log: list[dict[str, str]]) -> None:
    told = list(events(log))
    for case in {event.subject for event in told}:
        mine = [event for event in told if event.subject == case]
        assert [event.sequence for event in mine] == list(range(1, len(mine) + 1))
        assert [event.type for event in mine] == ["ticket.submitted", *["ticket.action"] * (len(mine) - 1)]
    assert len({event.id for event in told}) == len(told)
    assert list(events(log)) == told
    assert [decode(encode(event)) for event in told] == told


@given(st.lists(rows, max_size=40))
def test_hand_overs_are_the_changes_of_level(log: list[dict[str, str]]) -> None:
    told = [event.data["action"] for event in events(log) if event.type == "ticket.action"]
    levels: dict[str, list[int]] = {}
    for row in log:
        levels.setdefault(row["sr_number"], []).append(LEVELS[row["support_level"]])
    steps = [(a, b) for each in levels.values() for a, b in itertools.pairwise(each) if a != b]
    assert told.count("escalate") == sum(a < b for a, b in steps)
    assert told.count("hand_back") == sum(a > b for a, b in steps)
