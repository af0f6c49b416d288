"""Which clocks run out soon, and which of them by what is usual: judged from what sla gives page by page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from deskwire.console import BAD, Cell, Voice, styled
from deskwire.sla.times import Zone, length
from deskwire.sla.view import name
from services.sla.domain.kinds import Kind
from services.sla.domain.prediction import FEWEST, Length, Outlook, Past, Prediction, Running, predict
from services.sla.handlers.rows import clock_key

MOST = 20_000
"""Clocks of the past that are looked at: the estimate is settled long before."""


@dataclass(slots=True, kw_only=True)
class Found:
    """What the pages gave so far."""

    as_of: str = ""
    past: Past = field(default_factory=Past)
    clocks: list[Mapping[str, Any]] = field(default_factory=list)
    restricted: int = 0
    looked_at: int = 0

    def learn(self, page: Mapping[str, Any]) -> bool:
        """Take in how long records took; whether more of the past is wanted."""
        self.looked_at += page["checked"]
        for priority, team, service, seconds, finished in page["lengths"]:
            self.past.add(Length(priority=priority, team=team, service=service, seconds=seconds, finished=finished))
        return self.looked_at < MOST

    def add(self, page: Mapping[str, Any]) -> None:
        """Take in clocks that run out soon."""
        self.as_of = self.as_of or page["as_of"]
        self.clocks += page["clocks"]
        self.restricted += page["restricted"]


def document(found: Found) -> dict[str, Any]:
    """The clocks in order of their due instants as plain JSON, each with its `prediction`.

    That is null but for the resolution clock of the first agreement.
    """
    return {"as_of": found.as_of, "restricted": found.restricted, "clocks": rows(found)}


def rows(found: Found) -> list[dict[str, Any]]:
    """The clocks in order of their due instants, each once: a row may have moved on while pages were read."""
    clocks = {one["number"]: one for one in found.clocks}
    ordered = sorted(clocks.values(), key=lambda one: (one["due_at"], one["number"]))
    return [{**one, "prediction": _prediction(one, found.past)} for one in ordered]


def show(found: Found, voice: Voice, zone: Zone) -> None:
    """Print the clocks, and why a breach is likely or not."""
    lines = rows(found)
    if not lines:
        voice.line("No clock runs out in this time.")
    else:
        columns = ("incident", "clock", "priority", "team", "due", "open time left", "breach", "because")
        voice.table(columns, [_shown(one, zone) for one in lines], numbers=("open time left",))
        likely = sum(one["prediction"] is not None and one["prediction"]["outlook"] == Outlook.LIKELY for one in lines)
        voice.line(
            f"{len(lines)} clocks run out unless somebody acts, {likely} of them likely by how long records take."
        )
    if found.restricted:
        voice.line(f"{found.restricted} more are of restricted incidents.")


def because(one: Mapping[str, Any] | None) -> str:
    """The numbers behind an outlook, in words."""
    if one is None:
        return ""
    such = f"{one['n']} such records by {one['by']}" if one["by"] else f"only {one['n']} such records"
    if one["late"] is None:
        few = f"; {one['longer']} lasted so long" if one["by"] else f", {FEWEST} are needed"
        return such + few
    usual = "" if one["median"] is None else f", the median {length(round(one['median']))}"
    return f"{one['late']:.0%} of those that lasted so long take longer ({such}, {one['longer']} lasted so long{usual})"


def _prediction(clock: Mapping[str, Any], past: Past) -> dict[str, Any] | None:
    # How long records took is measured by the first agreement's calendars and pauses.
    if clock["number"] != clock_key(clock["incident"], Kind.RESOLUTION):
        return None
    running = Running(
        priority=clock["priority"],
        team=clock["team"],
        service=clock["service"],
        elapsed=clock["elapsed_seconds"],
        target=clock["target_seconds"],
    )
    said: Prediction = predict(past, running)
    return asdict(said)


def _shown(one: Mapping[str, Any], zone: Zone) -> list[Cell]:
    prediction = one["prediction"]
    outlook = "" if prediction is None else str(prediction["outlook"])
    left = length(round(one["target_seconds"] - one["elapsed_seconds"]))
    return [
        one["incident"],
        name(one),
        one["priority"],
        one["team"] or "",
        zone.at(one["due_at"]),
        left,
        styled(outlook, BAD) if outlook == Outlook.LIKELY else outlook,
        because(prediction),
    ]
