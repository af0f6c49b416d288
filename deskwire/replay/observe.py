"""Looks at the house from outside, to know when the last effect of a replay is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deskwire.replay.settle import Backlog
from deskwire.session import OPERATOR_ACTOR, rpc
from deskwire.status import Status, gather
from shared.errors import Unavailable

REPORT_SECONDS = 60.0
"""A report reads every record in its period, so it may take its time."""


def ask(service: str) -> Mapping[str, Any]:
    """What a service reports from its own records. Raises Unavailable when it does not answer."""
    with rpc() as client:
        reply: Mapping[str, Any] = client.call(
            service, "report", {"args": {}, "actor": OPERATOR_ACTOR}, timeout=REPORT_SECONDS
        )
    return reply


def look() -> Backlog:
    """The backlog now. Reports are asked for only when queues and journals are empty: they cost the services time."""
    try:
        status = gather()
        left = backlog(status, {}, {})
        return left if left.left else backlog(status, ask("incident"), ask("sla"))
    except Unavailable as error:
        return Backlog(queued=0, unsent=0, fault=error.message)


def backlog(status: Status, incident: Mapping[str, Any], sla: Mapping[str, Any]) -> Backlog:
    """What the status and the two reports say is left, with every number of the reports as a measure of movement."""
    dead = sum(status.dead_letters.values())
    queued = sum(queue.messages or 0 for queue in status.queues) - dead
    unsent = sum(rows for rows, _ in status.journal.values())
    return Backlog(
        queued=queued,
        unsent=unsent,
        gaps=int(sla.get("gaps", 0)),
        fault=status.broker_fault or status.journal_fault,
        done=(dead, *_numbers(incident), *_numbers(sla)),
    )


def _numbers(report: Any) -> list[int]:
    if isinstance(report, Mapping):
        return [number for key in sorted(report) for number in _numbers(report[key])]
    if isinstance(report, int | float) and not isinstance(report, bool):
        return [round(report * 1_000_000)]
    return []
