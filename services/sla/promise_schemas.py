"""How a promise is told: the public snapshot of what a requester was told last."""

from __future__ import annotations

from typing import Any

from services.sla.domain.promise import Pledge, in_zone
from services.sla.domain.promise_moves import Promise
from shared.clock import format_instant


def snapshot(key: str, version: int, promise: Promise) -> dict[str, Any]:
    """`version` counts what the requester was told; `local` is an instant as the clocks of `zone` show it."""
    return {
        "number": key,
        "version": version,
        "state": promise.state,
        "priority": promise.priority,
        "incident": promise.incident,
        "requester": promise.requester,
        "service": promise.service,
        "organisation": promise.organisation,
        "zone": promise.zone,
        "zone_of": promise.zone_of.value,
        "reply": _pledge(promise.reply, promise.zone),
        "solution": _pledge(promise.solution, promise.zone),
    }


def _pledge(one: Pledge | None, zone: str) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        "by": None if one.by is None else format_instant(one.by),
        "local": None if one.by is None else in_zone(zone, one.by),
        "waits_for": one.waits_for,
        "missed": one.missed,
    }
