"""What a requester may expect, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deskwire.console import Voice

WAITING = {
    "user": "waiting for you",
    "vendor": "waiting for a vendor",
    "customer": "waiting for the customer",
    "change": "waiting for a change",
    "problem": "waiting for the solution of a problem",
}
_ZONES = {
    "asked": "as asked for",
    "requester": "the requester's own",
    "calendar": "the agreement's; the requester's own is not known",
}


def show(answer: Mapping[str, Any], voice: Voice) -> None:
    """Two sentences and the zone in which they are told."""
    voice.line(f"{answer['number']}, {answer['state']}, priority {answer['priority']}")
    for name in ("reply", "solution"):
        voice.line(f"{name.capitalize() + ':':<10} {words(answer[name])}")
    voice.line(f"Times are those of {answer['zone']} ({_ZONES[answer['zone_of']]}).")
    if answer["missing"] is not None:
        voice.line(f"Version {answer['missing']} of it has not come yet: this may change.")


def words(one: Mapping[str, Any]) -> str:
    """`expected by 2026-03-02 11:00 +01:00`, or why there is no such instant."""
    by, since = one["by_local"], one["since_local"]
    match one["word"]:
        case "expected":
            return f"expected by {by}"
        case "undated":
            return "no date can be told: the calendar does not open as far as it is known"
        case "standing":
            return f"{_waiting(one['reason'])} since {since}; the time stands until then"
        case "late":
            held_up = f", {_waiting(one['reason'])}" if one["reason"] else ""
            return f"late since {since}, was expected by {by}{held_up}"
        case "given":
            return f"given at {since} ({one['reason']})" + _lateness(one)
        case _:
            return f"not expected any more: withdrawn at {since}"


def _waiting(reason: str) -> str:
    return WAITING.get(reason, "waiting")


def _lateness(one: Mapping[str, Any]) -> str:
    late = one["by"] is not None and one["since"] > one["by"]
    return f", was expected by {one['by_local']}" if late else ""
