"""An explanation for a person at a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rich.text import Text

from deskwire.console import BAD, DIM, GOOD, Cell, Voice, styled
from deskwire.sla.chart import COLOURS, MARKS, Look, bar, extent, pieces
from deskwire.sla.times import Zone, length
from services.sla.domain.kinds import Kind
from services.sla.domain.run import clock_name
from shared.clock import format_instant

_LEGEND = (Look.RUNNING, Look.LATE, Look.PAUSED, Look.OUTSIDE)
_LABEL = 11
"""Characters before a bar, at least."""
_STATE_COLOURS = {"met": GOOD, "breached": BAD, "paused": "yellow"}


def show(answer: Mapping[str, Any], voice: Voice, zone: Zone) -> None:
    """Print the explanation: what the record is, a bar for each clock, and each clock's spans and thresholds."""
    record = answer["incident"]
    facts = [f"{name} {record[name]}" for name in ("priority", "state", "service", "team", "organisation")]
    known = [fact for fact in facts if not fact.endswith(" None")]
    voice.line(f"{answer['number']}  {', '.join(known)}")
    events = "1 event" if answer["folded"] == 1 else f"{answer['folded']} events"
    voice.line(f"as of {zone.at(answer['as_of'])} ({zone.name}), by {events}", style="dim")
    if answer["missing"] is not None:
        voice.line(f"Version {answer['missing']} has not come yet: what follows it is not counted.", style=BAD)
    _show_bars(answer, voice, zone)
    for clock in answer["clocks"]:
        _show_clock(clock, voice, zone)


def _show_bars(answer: Mapping[str, Any], voice: Voice, zone: Zone) -> None:
    start, end = extent(answer["clocks"])
    if start >= end:
        return
    voice.line()
    width = max(_LABEL, *(len(name(clock)) + 1 for clock in answer["clocks"]))
    for clock in answer["clocks"]:
        text = styled(f"{name(clock):<{width}}")
        for look, count in bar(pieces(clock), start.timestamp(), end.timestamp()):
            text.append(MARKS[look] * count, style=COLOURS[look])
        voice.drawn(text)
    voice.drawn(_axis(start, end, zone, width))
    legend = Text(" " * width)
    for look in _LEGEND:
        legend.append(MARKS[look], style=COLOURS[look]).append(f" {look.value}  ", style="dim")
    voice.drawn(legend)


def name(clock: Mapping[str, Any]) -> str:
    """`resolution`, and of a further agreement `resolution@premium`."""
    return clock_name(Kind(clock["clock"]), clock["agreement"])


def _axis(start: datetime, end: datetime, zone: Zone, width: int) -> Text:
    left, right = (zone.at(format_instant(at))[:16] for at in (start, end))
    return Text(f"{'':<{width}}{left}{right:>44}", style="dim")


def _show_clock(clock: Mapping[str, Any], voice: Voice, zone: Zone) -> None:
    voice.line()
    left = clock["remaining_seconds"]
    tail = f"{length(left)} left" if left >= 0 else f"{length(-left)} over"
    words = f"{name(clock)}  {clock['state']}, {length(clock['elapsed_seconds'])} of "
    words += f"{length(clock['target_seconds'])}, {tail}"
    voice.line(words, style=_STATE_COLOURS.get(clock["state"]))
    calendar = clock["calendar"]
    pauses = ", ".join(clock["pauses"]) or "nothing"
    voice.line(f"{clock['why']}; calendar {calendar['name']} ({calendar['zone']}); pauses for {pauses}", style="dim")
    voice.line(f"computed with {basis(clock)}", style="dim")
    if told := as_told(clock, zone):
        voice.line(told, style=BAD)
    voice.details(_instants(clock, zone))
    columns = ("from", "to", "what", "counted", "excluded", "event", "version")
    voice.table(columns, [_row(span, zone) for span in clock["spans"]], numbers=("counted", "version"))


def _instants(clock: Mapping[str, Any], zone: Zone) -> list[tuple[str, str]]:
    rows = [(name, zone.at(clock[f"{name}_at"])) for name in ("due", "breached", "stopped") if clock[f"{name}_at"]]
    for one in clock["thresholds"]:
        rows.append((one["name"], f"{zone.at(one['at'])}  {passage(one)}"))
    return [*rows, *moves(clock, zone)]


def passage(threshold: Mapping[str, Any]) -> str:
    """Whether a threshold has been passed, and whether by what holds now."""
    if threshold["kept"]:
        return "passed by what held then"
    return "passed" if threshold["passed"] else "ahead"


def inputs(names: Mapping[str, str], note: str = "") -> str:
    """What the figures were computed with, besides the history; `note` is about the agreements among it."""
    return f"policies {names['policies']}; calendar {names['calendar']}{note}; time zone database {names['zones']}"


def basis(clock: Mapping[str, Any]) -> str:
    """The inputs of a clock, and whether its agreements hold no more."""
    return inputs(clock["inputs"], "" if clock["in_force"] else ", which held when it ended")


def as_told(clock: Mapping[str, Any], zone: Zone) -> str:
    """What was told last, where that was computed with something else; empty where it was not."""
    told = clock["told"]
    if told is None:
        return ""
    due = f", due {zone.at(told['due_at'])}" if told["due_at"] else ""
    return f"told last: {told['state']}{due}, computed with {inputs(told['inputs'])}"


def moves(clock: Mapping[str, Any], zone: Zone) -> list[tuple[str, str]]:
    """The changes after each of which the clock was computed anew: what of the agreement moved, from what to what."""
    rows = []
    for fact in clock["facts"]:
        change = fact["change"]
        moved = [name for name in ("priority", "policy") if change.get(f"{name}_from") != change.get(f"{name}_to")]
        if moved:
            words = ", ".join(f"{name} {change[f'{name}_from']} to {change[f'{name}_to']}" for name in moved)
            rows.append(("moved", f"{zone.at(fact['at'])}  {words}"))
    return rows


def _row(span: Mapping[str, Any], zone: Zone) -> list[Cell]:
    event = span["event"]
    return [
        zone.at(span["from"]),
        zone.at(span["to"]) or styled("still", DIM),
        what(span),
        length(span["counted_seconds"]) if span["counted_seconds"] else "",
        "; ".join(f"{length(one['seconds'])} {one['why']}" for one in span["excluded"]),
        f"{event['type']} {event['id']}",
        str(event["version"]),
    ]


def what(span: Mapping[str, Any]) -> str:
    """What the clock did in a span, and why: `paused, waiting for user`."""
    reason = span["reason"]
    match span["activity"]:
        case "running":
            return "running"
        case "waiting":
            return f"{'running' if span['counts'] else 'paused'}, waiting for {reason}"
        case "cancelled":
            return "cancelled"
    return f"stopped: {reason}"
