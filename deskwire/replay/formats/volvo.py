"""The status log of Volvo IT's desk (BPI Challenge 2013, doi:10.4121/500573e6-accc-4b0c-9576-aa5468b10cee).

One row is one change of status: `sr_number, changed_at, status, sub_status, function_division, org_line, support_team,
support_level, impact, product, country, owner_country, owner`. The first row of a case submits it; every row is then
told as the actions that led to it:

1. a support level other than the row before: the case was handed over, also when it was finished already;
2. a row that is not Completed after one that is: the case was reopened;
3. what the row's status says.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from deskwire.replay.formats import Row
from shared.clock import parse_instant
from shared.envelope import Envelope, Lane
from shared.errors import Invalid
from shared.ids import deterministic_id

SOURCE = "/replay/volvo"

LEVELS = {"L1": 1, "L2": 2, "L2/L3": 2, "L3": 3}
IMPACTS = {"Major": "high", "High": "high", "Medium": "medium", "Low": "low"}
WAITS = {
    "Wait": "other",
    "Wait - User": "user",
    "Wait - Vendor": "vendor",
    "Wait - Customer": "customer",
    "Wait - Implementation": "change",
}
MACHINE = "system"
"""The owner of rows that the desk's own tool wrote; it is nobody's name."""

T = TypeVar("T")
Action = tuple[str, Mapping[str, Any]]

_ACTIONS: Mapping[tuple[str, str], Action] = {
    ("Queued", "Awaiting Assignment"): ("assign", {}),
    ("Accepted", "In Progress"): ("accept", {}),
    ("Accepted", "Assigned"): ("assign", {}),
    **{("Accepted", name): ("wait", {"reason": reason}) for name, reason in WAITS.items()},
    ("Completed", "Resolved"): ("resolve", {"code": "resolved"}),
    ("Completed", "In Call"): ("resolve", {"code": "in_call"}),
    # A code is needed only where the case was never resolved; where it was, its own is kept.
    ("Completed", "Closed"): ("close", {"code": "resolved"}),
    ("Completed", "Cancelled"): ("cancel", {}),
}
_COMPLETED = "Completed"
_UNMATCHED = "Unmatched"
_QUEUED = "Queued"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Status:
    """One row, read and judged."""

    case: str
    at: datetime
    status: str
    sub_status: str
    level: int
    team: str | None
    person: str | None
    impact: str
    row: Row

    @property
    def completed(self) -> bool:
        return self.status == _COMPLETED


@dataclass(slots=True, kw_only=True)
class _Case:
    """What must be remembered of a case between its rows."""

    last: _Status
    sequence: int = field(default=0)


def events(rows: Iterable[Row]) -> Iterator[Envelope]:
    """The events of the log, in the order of its rows. Raises Invalid that names the row at fault."""
    cases: dict[str, _Case] = {}
    for number, row in enumerate(rows, start=1):
        status = _read(number, row)
        case = cases.get(status.case)
        told = _acts(status, _first(status) if case is None else _following(case.last, status))
        if case is None:
            case = cases[status.case] = _Case(last=status)
            told = itertools.chain([("ticket.submitted", _submission(status))], told)
        for event_type, data in told:
            case.sequence += 1
            yield _envelope(status, case.sequence, event_type, data)
        case.last = status


def _read(number: int, row: Row) -> _Status:
    try:
        status, sub_status = row["status"], row["sub_status"]
        if status != _UNMATCHED and (status, sub_status) not in _ACTIONS:
            raise Invalid(f"the status {status}/{sub_status} is not known")
        return _Status(
            case=row["sr_number"],
            at=parse_instant(row["changed_at"]),
            status=status,
            sub_status=sub_status,
            level=_one_of(LEVELS, row["support_level"], "support level"),
            team=row["support_team"] or None,
            # A queue belongs to a team: the owner of such a row is who put the case there.
            person=None if status == _QUEUED or row["owner"] == MACHINE else row["owner"] or None,
            impact=_one_of(IMPACTS, row["impact"], "impact"),
            row=row,
        )
    except KeyError as error:
        raise Invalid(f"row {number} has no column {error}", slug="bad-history") from None
    except Invalid as error:
        raise Invalid(f"row {number}: {error.message}", slug="bad-history") from None


def _one_of(table: Mapping[str, T], text: str, what: str) -> T:
    try:
        return table[text]
    except KeyError:
        raise Invalid(f"the {what} {text!r} is not one of {', '.join(table)}") from None


def _first(status: _Status) -> Iterator[Action]:
    if status.status not in (_QUEUED, _UNMATCHED):
        yield _ACTIONS[status.status, status.sub_status]


def _following(before: _Status, status: _Status) -> Iterator[Action]:
    if status.level != before.level:
        name = "escalate" if status.level > before.level else "hand_back"
        yield name, {"summary": f"{_place(before)} to {_place(status)}: {status.status}, {status.sub_status}"}
    if before.completed and not status.completed:
        to = {"to": "new"} if status.status == _UNMATCHED else {}
        yield "reopen", {"reason": f"{status.status}, {status.sub_status} after {before.sub_status}", **to}
    if status.status != _UNMATCHED and not _repeats(before, status):
        yield _ACTIONS[status.status, status.sub_status]


def _repeats(before: _Status, status: _Status) -> bool:
    """Whether a completed case is only said to be completed again: closing a resolved one is the single step left."""
    if not (before.completed and status.completed):
        return False
    return status.sub_status != "Closed" or before.sub_status in ("Closed", "Cancelled")


def _place(status: _Status) -> str:
    return f"{status.team or 'no team'} (level {status.level})"


def _submission(status: _Status) -> dict[str, Any]:
    row = status.row
    data = {
        "external_ref": status.case,
        "title": f"{row['product']}: case {status.case}",
        "kind": "incident",
        "channel": "import",
        "impact": status.impact,
        "urgency": "medium",
        "service": row["product"],
        "organisation": row.get("org_line") or None,
        "category": row.get("function_division") or None,
        **_hands(status),
    }
    return {name: value for name, value in data.items() if value is not None}


def _acts(status: _Status, actions: Iterable[Action]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, args in actions:
        yield "ticket.action", {"external_ref": status.case, "action": name, "args": dict(args), **_hands(status)}


def _hands(status: _Status) -> dict[str, Any]:
    hands = {"level": status.level, "team": status.team, "person": status.person}
    return {name: value for name, value in hands.items() if value is not None}


def _envelope(status: _Status, sequence: int, event_type: str, data: dict[str, Any]) -> Envelope:
    return Envelope(
        id=deterministic_id(SOURCE, status.case, str(sequence)),
        source=SOURCE,
        type=event_type,
        subject=status.case,
        time=status.at,
        sequence=sequence,
        correlationid=deterministic_id(SOURCE, status.case),
        lane=Lane.BULK,
        backfill=True,
        data=data,
    )
