"""The report as one self-contained page: each chart has its table beside it, nothing is loaded, all is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deskwire.sla import outages, tables
from deskwire.sla.bars import Bar, Look, Row, Unit
from deskwire.sla.drawing import chart, legend
from deskwire.sla.markup import document, table
from deskwire.sla.style import REPORT_STYLE
from deskwire.sla.times import Zone, length, span_words
from shared.clock import format_instant
from shared.text.page import inline, isolated

MOST = 24
"""Groups in one chart; its table has all of them."""
_NAMES = {"response": "Response", "resolution": "Resolution", "next_reply": "Next reply"}
_MEANS = {
    "response": "Time to acknowledge (MTTA): mean time of the response clock",
    "resolution": "Time to resolve (MTTR): mean time of the resolution clock",
}
_TIMES = ((Look.FIRST, "open time"), (Look.SECOND, "time on the wall"))
_VERDICTS = ((Look.MET, "met"), (Look.BREACHED, "breached"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """What was asked: the bounds as instants, None where there is none; `as_of` is when."""

    since: datetime | None
    until: datetime | None
    as_of: datetime


def make_report(found: Mapping[str, Any], down: outages.Found, period: Period, zone: Zone) -> str:
    """The page of a report, its instants in the reader's zone."""
    title = f"Service levels by {found['by']}"
    rows = list(tables.rows(found))
    body = f"""<header><h1>{inline(title)}</h1>
<p>{inline(_said(period, zone))}</p></header>
{_facts(found, rows)}<main>
{_attainment(found["by"], rows)}{_means(found["by"], rows)}{_breaches(found)}{_backlog(found)}{_downtime(down)}</main>
<footer><p>All figures are sums over the clocks that started in the period; downtime is of the outages that lie in it.
What a figure counts is told in the documentation of service levels, under “Report”.</p></footer>
"""
    return document(title, body, style=REPORT_STYLE)


def _said(period: Period, zone: Zone) -> str:
    since = "since the first" if period.since is None else f"since {_local(period.since, zone)}"
    until = "" if period.until is None else f" and before {_local(period.until, zone)}"
    return f"Clocks that started {since}{until}, as of {_local(period.as_of, zone)}. Times are in {zone.name}."


def _local(at: datetime, zone: Zone) -> str:
    return zone.at(format_instant(at))


def _facts(found: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    facts = [("clocks", str(found["clocks"]))]
    for clock in _clocks(rows):
        met, breached = (sum(row[name] for row in rows if row["clock"] == clock) for name in ("met", "breached"))
        if met + breached:
            facts.append((f"{_name(clock).lower()} in time", f"{met / (met + breached) * 100:.1f} %"))
    facts.append(("breached", str(sum(row["breached"] for row in rows))))
    facts.append(("still open", str(sum(number for _, number in tables.ages(found)))))
    items = "".join(f"<li><b>{inline(value)}</b>{inline(name)}</li>" for name, value in facts)
    return f'<ul class="facts">{items}</ul>\n'


def _attainment(by: str, rows: Sequence[Mapping[str, Any]]) -> str:
    parts = []
    for clock in _clocks(rows):
        own = _of(clock, rows, by)
        shown = [
            Row(label=row["value"], bars=(_part(row["attainment"]),)) for row in own if row["attainment"] is not None
        ]
        columns = (by, "met", "breached", "attained", "running", "cancelled")
        cells = [
            (row["value"], row["met"], row["breached"], tables.percent(row), row["running"], row["cancelled"])
            for row in own
        ]
        name = f"{_name(clock)}: part in time by {by}"
        parts.append(_pair(name, shown, Unit.PART, columns, cells, keys=_VERDICTS))
    return _section("Attainment", "Met over met and breached. What still runs is in neither.", parts)


def _part(attained: float) -> Bar:
    return Bar(stretches=((Look.MET, attained), (Look.BREACHED, 1 - attained)), words=f"{attained * 100:.1f} %")


def _means(by: str, rows: Sequence[Mapping[str, Any]]) -> str:
    parts = []
    for clock in _clocks(rows):
        own = [row for row in _of(clock, rows, by) if row["mean_wall_seconds"] is not None]
        shown = [Row(label=row["value"], bars=tuple(_mean(row, place) for place in range(2))) for row in own]
        cells = [(row["value"], row["stopped"], *(length(round(row[name])) for name in tables.MEANS)) for row in own]
        columns = (by, "stopped", *(word for _, word in _TIMES))
        name = _MEANS.get(clock, f"{_name(clock)}: mean time")
        parts.append(_pair(name, shown, Unit.SECONDS, columns, cells, keys=_TIMES) if own else "")
    note = "Open time counts what the calendar and the policy count; time on the wall counts every second."
    return _section("How long it took", note, parts)


def _mean(row: Mapping[str, Any], place: int) -> Bar:
    seconds = row[tables.MEANS[place]]
    return Bar(stretches=((_TIMES[place][0], seconds),), words=span_words(seconds))


def _breaches(found: Mapping[str, Any]) -> str:
    parts = []
    for clock in sorted(found["causes"]):
        name = f"{_name(clock)}: what was waited for when the target ran out"
        parts.append(_shares(name, "cause", tables.causes(found, clock), Unit.NUMBER))
        if clock in found["levels"]:
            name = f"{_name(clock)}: open time until the breach, by the level that had it"
            parts.append(_shares(name, "level", tables.levels(found, clock), Unit.SECONDS))
    return _section("Causes of breaches", "", parts, nothing="Nothing was breached.")


def _backlog(found: Mapping[str, Any]) -> str:
    part = _shares("Open resolution clocks by age", "age", tables.ages(found), Unit.NUMBER)
    return _section("Backlog", "By time on the wall since they started.", [part])


def _downtime(down: outages.Found) -> str:
    rows = sorted(outages.rows(down), key=lambda row: -row["wall_seconds"])
    shown = [Row(label=row["service"], bars=tuple(_out(row, place) for place in range(2))) for row in rows]
    columns = ("service", "outages", "available", "in open hours", "on the wall")
    cells = [
        (
            row["service"],
            row["outages"],
            outages.available(row),
            length(row["business_seconds"]),
            length(row["wall_seconds"]),
        )
        for row in rows
    ]
    part = _pair("Downtime by service", shown, Unit.SECONDS, columns, cells, keys=_TIMES) if rows else ""
    note = "Outages of a service that overlap count once."
    if down.restricted:
        note += f" {down.restricted} outages are of restricted incidents and are not in it."
    return _section("Downtime", note, [part], nothing="No incident was marked as an outage.")


def _out(row: Mapping[str, Any], place: int) -> Bar:
    seconds = row[("business_seconds", "wall_seconds")[place]]
    available = outages.available(row)
    words = f"{span_words(seconds)}, {available}" if place and available else span_words(seconds)
    return Bar(stretches=((_TIMES[place][0], seconds),), words=words)


def _shares(name: str, what: str, lines: Sequence[tuple[str, int]], unit: Unit) -> str:
    whole = sum(number for _, number in lines)
    if not whole:
        return ""
    spoken = [(label, number, length(number) if unit is Unit.SECONDS else str(number)) for label, number in lines]
    shown = [Row(label=label, bars=(_share(number, unit),)) for label, number, _ in spoken]
    cells = [(label, words, f"{number / whole:.0%}") for label, number, words in spoken]
    return _pair(name, shown, unit, (what, "open time" if unit is Unit.SECONDS else "number", "part"), cells)


def _share(number: int, unit: Unit) -> Bar:
    words = span_words(number) if unit is Unit.SECONDS else str(number)
    return Bar(stretches=((Look.FIRST, number),), words=words)


def _section(title: str, note: str, parts: Iterable[str], *, nothing: str = "There is nothing to tell.") -> str:
    content = "".join(parts) or f'<p class="none">{inline(nothing)}</p>\n'
    return f"<section><h2>{inline(title)}</h2>\n<p>{inline(note)}</p>\n{content}</section>\n"


def _pair(
    name: str,
    rows: Sequence[Row],
    unit: Unit,
    columns: Sequence[str],
    cells: Sequence[Sequence[object]],
    *,
    keys: Sequence[tuple[Look, str]] = (),
) -> str:
    drawn = chart(name, rows[:MOST], unit) if rows else ""
    more = f'<p class="legend">The chart has the first {MOST} of {len(rows)}.</p>' if len(rows) > MOST else ""
    plain = [[isolated(str(label)), *(inline(str(cell)) for cell in rest)] for label, *rest in cells]
    beside = table([inline(column) for column in columns], plain, numbers=columns[1:])
    colours = legend(keys) if keys else ""
    return f'<h3>{inline(name)}</h3>\n{colours}<div class="pair">{drawn}<div>{beside}{more}</div></div>\n'


def _clocks(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    return sorted({row["clock"] for row in rows}, key=lambda clock: (clock not in _MEANS, clock != "response", clock))


def _of(clock: str, rows: Iterable[Mapping[str, Any]], by: str) -> list[Mapping[str, Any]]:
    """The rows of a clock: priorities and levels in their order, and of all else those with most decided first."""
    own = [row for row in rows if row["clock"] == clock]
    return own if by in ("priority", "level") else sorted(own, key=lambda row: -(row["met"] + row["breached"]))


def _name(clock: str) -> str:
    return _NAMES.get(clock, clock.replace("_", " ").capitalize())
