"""Answers a requester's question: when may I expect a reply and a solution?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from services.sla.domain.case import missing
from services.sla.domain.policy import Agreements
from services.sla.domain.promise import Answer, answers, in_zone, zone_for
from services.sla.domain.zone import zone_names
from services.sla.handlers.rows import load_cases
from shared.clock import format_instant
from shared.errors import Forbidden, Invalid, NotFound
from shared.store import Document
from shared.unit_of_work import Work

if TYPE_CHECKING:
    from shared.command import Command


def expect(work: Work, command: Command, args: Mapping[str, Any], *, agreements: Agreements) -> Document:
    """What the requester of the incident `number` may expect now, by the clocks as they are folded.

    `{number, as_of, state, priority, zone, zone_of, reply, solution, missing}`; `reply` and `solution` are each
    `{word, by, by_local, since, since_local, reason}`. Raises NotFound when sla knows no such incident, Forbidden
    (`restricted`) for a restricted one, and Invalid (`unknown-zone`).
    """
    number, asked = command.require_number(), args.get("zone")
    if asked is not None and asked not in zone_names():
        raise Invalid(f"{asked!r} is not an IANA time zone", slug="unknown-zone", pointer="/args/zone")
    case = load_cases(work, [number]).get(number)
    if case is None or case.latest is None:
        raise NotFound(f"sla has no incident {number}", pointer="/number")
    if case.latest.restricted:
        raise Forbidden(f"{number} is restricted: nobody is told of it", slug="restricted", pointer="/number")
    zone, zone_of = zone_for(case, agreements, asked)
    reply, solution = answers(case, agreements, work.now)
    return {
        "number": number,
        "as_of": format_instant(work.now),
        "state": case.latest.state,
        "priority": case.latest.priority,
        "zone": zone,
        "zone_of": zone_of.value,
        "reply": _answer(reply, zone),
        "solution": _answer(solution, zone),
        "missing": missing(case),
    }


def _answer(one: Answer, zone: str) -> Document:
    return {
        "word": one.word.value,
        "by": _text(one.by),
        "by_local": _local(one.by, zone),
        "since": _text(one.since),
        "since_local": _local(one.since, zone),
        "reason": one.reason,
    }


def _text(at: datetime | None) -> str | None:
    return None if at is None else format_instant(at)


def _local(at: datetime | None, zone: str) -> str | None:
    return None if at is None else in_zone(zone, at)
