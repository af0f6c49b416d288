"""Lengthens every list that a sender can lengthen, and looks whether what an action costs stays as it was.

Each list belongs to one record. After as many entries as the dose has checkpoints the last ten actions are timed, and
what the last action wrote is weighed: the record's latest event, and the record with the largest of the documents that
an action on it rewrites beside it, in whichever service. Sizes must stay flat; times are shown.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import bson
from rich.console import Console
from rich.table import Table

from deploy.local.process import wait_for
from shared.clock import SystemClock
from shared.envelope import Envelope
from shared.ids import SystemIds
from tests.faults.stage import Stage
from tests.house import House

CHECKPOINTS: Mapping[str, tuple[int, ...]] = {"small": (10, 120, 160), "large": (10, 120, 1_000, 5_000)}
SERVICES = {"incidents": "incident", "problems": "problem", "changes": "change"}
_ALERTS = (("incident", "open_alerts", "incident"), ("incident", "alerts", "incident"))
SETTLED = 120
"""Entries after which no list is shown whole any more: from here on sizes are flat."""
SLACK_BYTES = 256
"""Numbers grow by digits, and instants by fractions."""
MOST_EVENT_BYTES = 11 * 1024
MOST_RECORD_BYTES = 64 * 1024
TAKEN_SECONDS = 60.0
TIMED = 10


@dataclass(frozen=True, slots=True)
class Growing:
    """A list: its name, the collection of its record, and what makes it one longer.

    `lengthen(number, count)` does it for entry `count`; `most` is the entry after which the service refuses more.
    `beside` names what else an action rewrites: service, collection, and the field that holds the record's number.
    """

    name: str
    collection: str
    lengthen: Callable[[str, int], None]
    most: int | None = None
    beside: tuple[tuple[str, str, str], ...] = ()


@dataclass(slots=True, kw_only=True)
class Row:
    """What one list showed, by the number of entries: seconds of an action, bytes of an event and of the record."""

    name: str
    seconds: dict[int, float] = field(default_factory=dict)
    event: dict[int, int] = field(default_factory=dict)
    record: dict[int, int] = field(default_factory=dict)

    @property
    def complaints(self) -> list[str]:
        """What is not flat."""
        found = [f"{self.name}: an event of {size} bytes" for size in self.event.values() if size > MOST_EVENT_BYTES]
        found += [f"{self.name}: a record of {size} bytes" for size in self.record.values() if size > MOST_RECORD_BYTES]
        for kind, sizes in (("event", self.event), ("record", self.record)):
            first, last = sizes.get(SETTLED), sizes.get(max(sizes, default=0), 0)
            if first is not None and last > first + SLACK_BYTES:
                found.append(f"{self.name}: an {kind} grew from {first} to {last} bytes")
        return found


class Growth:
    """One run. `rows` are what it showed."""

    def __init__(self, stage: Stage, checkpoints: tuple[int, ...]) -> None:
        self._house: House = stage.house
        self._checkpoints = checkpoints
        self._ids = SystemIds()
        self.rows: list[Row] = []

    def run(self) -> list[str]:
        """Lengthen one list after the other; returns what does not hold."""
        for growing, number in self._lists():
            self.rows.append(self._grow(growing, number))
        return [complaint for row in self.rows for complaint in row.complaints]

    def _grow(self, growing: Growing, number: str) -> Row:
        row, times = Row(name=growing.name), list[float]()
        for count in range(1, self._checkpoints[-1] + 1):
            if growing.most is not None and count > growing.most:
                break
            started = time.monotonic()
            growing.lengthen(number, count)
            times.append(time.monotonic() - started)
            if count in self._checkpoints or count == growing.most:
                row.seconds[count] = median(times[-TIMED:])
                row.event[count], row.record[count] = self._weigh(growing, number)
        return row

    def _weigh(self, growing: Growing, number: str) -> tuple[int, int]:
        with self._house.client() as client:
            database = client[f"{self._house.prefix}{SERVICES[growing.collection]}"]
            record = database[growing.collection].find_one({"_id": number}) or {}
            events = database["journal"].find({"subject": number}, {"body": 1, "sequence": 1})
            last = max(events, key=lambda row: int(row["sequence"]))
            written = len(bson.encode(record))
            for service, collection, name in growing.beside:
                rows = client[f"{self._house.prefix}{service}"][collection].find({name: number})
                written += max((len(bson.encode(row)) for row in rows), default=0)
            return len(last["body"]), written

    def _lists(self) -> Iterator[tuple[Growing, str]]:
        incident = self._call("incident", "open", title="It grows")["number"]
        noted = self._call("incident", "open", title="It is talked about")["number"]
        waiting = self._call("incident", "open", title="It waits and goes on")["number"]
        problem = self._call("problem", "open", title="It has many incidents")["number"]
        change = self._change()
        yield Growing("links of an incident", "incidents", self._link), incident
        yield Growing("notes of an incident", "incidents", self._note), noted
        yield Growing("pauses of an incident", "incidents", self._pause, most=250), waiting
        yield Growing("links of a problem", "problems", self._related), problem
        yield Growing("incidents of a problem", "problems", self._member), problem
        yield Growing("links of a change", "changes", self._touch), change
        yield Growing("deployments of a change", "changes", self._deploy), change
        alert = self._alert_incident()
        yield Growing("occurrences of an alert", "incidents", self._fire, beside=_ALERTS), alert
        yield Growing("sources of an alert", "incidents", self._source, beside=_ALERTS), alert

    def _link(self, number: str, count: int) -> None:
        version = self._version("incidents", number)
        args = {"kind": "change", "number": f"CHG{count:061}"}
        self._say("ticket.action", {"number": number, "action": "link", "args": args})
        self._await(lambda: self._version("incidents", number) > version)

    def _note(self, number: str, count: int) -> None:
        self._call("incident", "note", number, text=f"This is note {count}.", visibility="private")

    def _pause(self, number: str, _: int) -> None:
        self._call("incident", "wait", number, reason="user")
        self._call("incident", "resume", number)

    def _related(self, number: str, count: int) -> None:
        self._call("problem", "link", number, kind="change", number=f"CHG{count:061}")

    def _member(self, number: str, count: int) -> None:
        self._call("problem", "link", number, kind="incident", number=f"INC{count + 9_000_000:07}")

    def _touch(self, number: str, count: int) -> None:
        self._call("change", "link", number, kind="incident", number=f"INC{count:061}")

    def _deploy(self, number: str, count: int) -> None:
        version = self._version("changes", number)
        self._say("change.deployed", {"service": "payments", "version": f"1.{count}", "change": number})
        self._await(lambda: self._version("changes", number) > version)

    def _fire(self, _: str, count: int) -> None:
        self._alert("monitor")
        self._await(lambda: self._occurrences() >= count)

    def _source(self, _: str, count: int) -> None:
        before = self._occurrences()
        self._alert(f"monitor-{count}")
        self._await(lambda: self._occurrences() > before)

    def _change(self) -> str:
        asked = self._call("change", "request", title="Many deployments", service="payments", kind="emergency")
        number: str = asked["number"]
        self._call("change", "assess", number, risk="low", impact="low")
        self._call("change", "approve", number, by="bob")
        return number

    def _alert_incident(self) -> str:
        self._alert("first")
        self._await(lambda: bool(self._claims()))
        return str(self._claims()[0]["incident"])

    def _alert(self, source: str) -> None:
        data = {"dedup_key": "grows", "title": "It fires", "severity": "error", "source": source}
        self._say("alert.firing", data)

    def _claims(self) -> list[dict[str, Any]]:
        return self._house.rows("incident", "open_alerts")

    def _occurrences(self) -> int:
        return int(sum(row["count"] for row in self._claims())) - 1

    def _version(self, collection: str, number: str) -> int:
        (row,) = self._house.rows(SERVICES[collection], collection, {"_id": number})
        return int(row["version"])

    def _say(self, event: str, data: Mapping[str, Any]) -> None:
        now = SystemClock().now()
        self._house.publish(Envelope(id=self._ids.new(), source="/growth", type=event, time=now, data=data))

    def _call(self, service: str, verb: str, number: str | None = None, /, **args: Any) -> Any:
        person = args.pop("by", "alice")
        return self._house.ask(service, verb, number, args, person)

    def _await(self, condition: Callable[[], bool]) -> None:
        assert wait_for(condition, TAKEN_SECONDS), f"an action was not taken within {TAKEN_SECONDS:.0f} s"


def print_growth(rows: list[Row], console: Console) -> None:
    """One line a list and number of entries."""
    table = Table("list", "entries", "ms an action", "bytes an event", "bytes the record", title="growth")
    for row in rows:
        for count, seconds in row.seconds.items():
            sizes = (f"{row.event[count]:,}", f"{row.record[count]:,}")
            table.add_row(row.name, f"{count:,}", f"{seconds * 1000:.0f}", *sizes)
    console.print(table)


def as_dict(row: Row) -> dict[str, Any]:
    """A line as JSON."""
    milliseconds = {str(count): round(seconds * 1000, 1) for count, seconds in row.seconds.items()}
    return {"list": row.name, "ms": milliseconds, "event_bytes": row.event, "record_bytes": row.record}
