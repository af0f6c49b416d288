"""`python -m bench.clocks`: many running clocks in one sla: how late thresholds are told, and how a pause is caught up.

The clocks come the way all clocks come, by events of incidents, whose ages are spread over their targets; so
thresholds pass at the rate at which they would on a desk that size.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
from rich.console import Console

from deploy.local.access import OPERATOR
from deploy.local.broker import Broker
from deploy.local.database import Database
from deploy.local.ports import free_port
from deploy.local.process import wait_for
from shared.clock import SystemClock, format_instant
from shared.envelope import Envelope, Lane, encode
from shared.ids import SystemIds
from shared.publisher import Message
from shared.relaying import unsent
from shared.topology import events_exchange, routing_key
from tests.house import RELAY_PROCESS, House

SHARES = {"P1": 0.05, "P2": 0.15, "P3": 0.30, "P4": 0.50}
HOURS = {"P1": 4, "P2": 8, "P3": 27, "P4": 45}
POLICY = """
calendars:
  always: {zone: UTC, week: 24x7}
policies:
  P1: {name: critical, calendar: always, response: 15m, resolution: 4h, thresholds: [50, 75, 90]}
  P2: {name: high, calendar: always, response: 1h, resolution: 8h, thresholds: [50, 75, 90]}
  P3: {name: standard, calendar: always, response: 4h, resolution: 27h, thresholds: [75, 90]}
  P4: {name: low, calendar: always, response: 9h, resolution: 45h, thresholds: [75]}
"""
CHUNK = 500
DEADLINE = 1800.0
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_ids = SystemIds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A threshold that was told: its clock, its instant, how many seconds late, and when it was stored."""

    clock: str
    priority: str
    at: datetime
    late: float
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Steady:
    """What was told at the natural rate: facts, how late in seconds; processor share of one core, megabytes."""

    facts: int
    per_second: float
    p50: float
    p99: float
    worst: float
    cores: dict[str, float]
    megabytes: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """After a pause: what was overdue when sla came back, how long it took to tell it, and in which order."""

    down_seconds: float
    overdue: int
    drained_seconds: float
    critical_first: bool
    in_due_order: bool


def main() -> int:
    """Measure and print; exit code 0 whatever the figures are."""
    options = _options()
    console = Console(stderr=True, highlight=False)
    with tempfile.TemporaryDirectory(prefix="deskwire-bench-") as name:
        folder = Path(name)
        policy = folder / "sla.yaml"
        policy.write_text(POLICY)
        broker, database = Broker(folder / "broker", management_port=free_port()), Database(folder / "database")
        try:
            broker.start()
            database.start()
            environment = {"DESKWIRE_SLA_FILE": str(policy), "LOG_LEVEL": "WARNING"}
            house = House(broker, database, folder / "house", services=("sla",), environment=environment)
            house.declare()
            house.start()
            seconds = fill(house, options.clocks // 2)
            console.print(f"{options.clocks:,} clocks run, after {seconds:.0f} s")
            steady = watch(house, options.seconds)
            console.print(f"{steady.facts} thresholds passed within {options.seconds:.0f} s")
            recovery = interrupt(house, options.down)
            house.stop()
        finally:
            broker.stop()
            database.stop()
    result = {"clocks": options.clocks, "filled_seconds": seconds, **asdict(steady), **asdict(recovery)}
    print(json.dumps(result, indent=2)) if options.json else _show(options.clocks, seconds, steady, recovery)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.clocks", description=__doc__)
    parser.add_argument("--clocks", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=120.0, help="how long thresholds are watched")
    parser.add_argument("--down", type=float, default=60.0, help="how long sla is away")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def fill(house: House, incidents: int) -> float:
    """Open so many incidents, each with two clocks; seconds until all are stored and told."""
    began = time.monotonic()
    events = opened(incidents, SystemClock().now(), random.Random(1))
    done = 0
    while chunk := [event for _, event in zip(range(CHUNK), events, strict=False)]:
        house.publish_raw([_message(event) for event in chunk], user=OPERATOR)
        done += len(chunk)
        if not wait_for(lambda least=done - 10 * CHUNK: _taken(house) >= least, DEADLINE):  # type: ignore[misc]
            raise TimeoutError(f"not {done} events taken within {DEADLINE:.0f} s")
    if not wait_for(lambda: _taken(house) >= incidents and _overdue(house) == 0, DEADLINE):
        raise TimeoutError(f"not filled within {DEADLINE:.0f} s")
    return time.monotonic() - began


def opened(count: int, now: datetime, chance: random.Random) -> Iterator[Envelope]:
    """Openings of incidents whose ages are spread evenly over their targets for a solution."""
    for number in range(1, count + 1):
        (priority,) = chance.choices(list(SHARES), list(SHARES.values()))
        at = now - timedelta(hours=chance.uniform(0, HOURS[priority]))
        yield _opening(f"INC{number:07d}", priority, at.replace(microsecond=at.microsecond // 1000 * 1000))


def _opening(number: str, priority: str, at: datetime) -> Envelope:
    data = {
        "number": number,
        "version": 1,
        "kind": "incident",
        "state": "new",
        "priority": priority,
        "service": f"service-{number[-2:]}",
        "team": "service-desk",
        "organisation": "acme",
        "category": "other",
        "level": 1,
        "opened_at": format_instant(at),
        "change": {"by": "bench", "by_kind": "system"},
    }
    return Envelope(
        id=_ids.new(),
        source="/incident",
        type="incident.opened",
        subject=number,
        time=at,
        sequence=1,
        correlationid=_ids.new(),
        lane=Lane.URGENT if priority == "P1" else Lane.NORMAL,
        data=data,
    )


def _message(event: Envelope) -> Message:
    key = routing_key(event.type, event.lane)
    return Message(exchange=events_exchange("incident"), routing_key=key, body=encode(event), message_id=event.id)


def watch(house: House, seconds: float) -> Steady:
    """How late thresholds are told while nothing else happens, and what that costs."""
    _rest(house)
    since, before, began = _last_position(house), _processor(house), time.monotonic()
    time.sleep(seconds)
    spent, span = _processor(house), time.monotonic() - began
    _rest(house)
    late = sorted(fact.late for fact in facts(house, since)) or [0.0]
    return Steady(
        facts=len(late),
        per_second=len(late) / span,
        p50=late[len(late) // 2],
        p99=late[int(len(late) * 0.99)],
        worst=late[-1],
        cores={name: (spent[name] - before[name]) / span for name in before},
        megabytes=_memory(house),
    )


def interrupt(house: House, seconds: float) -> Recovery:
    """Kill sla, let `seconds` pass, start it, and see what it tells of what fell due meanwhile, in which order."""
    _rest(house)
    since, gone = _last_position(house), SystemClock().now()
    house.processes["sla"].kill()
    time.sleep(seconds)
    overdue, back = _overdue(house), SystemClock().now()
    house.spawn("sla")
    began = time.monotonic()
    house.wait_ready("sla")
    wait_for(lambda: _overdue(house) == 0, DEADLINE)
    drained = time.monotonic() - began
    _rest(house)
    missed = [fact for fact in _firsts(facts(house, since)) if gone < fact.at < back]
    critical, others = ([f for f in missed if (f.priority == "P1") is wanted] for wanted in (True, False))
    return Recovery(
        down_seconds=seconds,
        overdue=overdue,
        drained_seconds=drained,
        critical_first=not critical or not others or critical[-1].position < others[0].position,
        in_due_order=all(part == sorted(part, key=lambda fact: fact.at) for part in (critical, others)),
    )


def _rest(house: House) -> None:
    """Wait until sla has taken and told everything; the queues of services that are not there stay as they are."""

    def quiet() -> bool:
        lengths = house.queue_lengths()
        with house.client() as client:
            told = not unsent(client[f"{house.prefix}sla"])
        return told and not any(length for name, length in lengths.items() if name.startswith("sla.incident."))

    if not wait_for(lambda: quiet() and quiet(), DEADLINE):
        raise TimeoutError(f"not at rest within {DEADLINE:.0f} s")


def facts(house: House, since: int) -> list[Fact]:
    """Thresholds told after a position of sla's journal, in the order in which they were published."""
    rows = sorted(house.rows("sla", "journal", {"position": {"$gt": since}}), key=lambda row: int(row["position"]))
    return [fact for row in rows if (fact := _fact(row["body"], int(row["position"]))) is not None]


def _fact(body: bytes, position: int) -> Fact | None:
    event = orjson.loads(body)
    change = event["data"].get("change", {})
    if "late_seconds" not in change:
        return None
    return Fact(
        clock=event["subject"],
        priority=event["data"]["priority"],
        at=datetime.fromisoformat(change["at"]),
        late=float(change["late_seconds"]),
        position=position,
    )


def _firsts(told: Sequence[Fact]) -> list[Fact]:
    """The first fact of each clock: a clock whose turn has come tells all that it has passed."""
    seen: dict[str, Fact] = {}
    for fact in told:
        seen.setdefault(fact.clock, fact)
    return list(seen.values())


def _taken(house: House) -> float:
    return house.metric("sla", "itsm_events_handled_total", event="incident.opened", outcome="handled")


def _overdue(house: House) -> int:
    with house.client() as client:
        due = client[f"{house.prefix}sla"]["due"]
        now = datetime.now(UTC)
        window = {"$gt": now - timedelta(days=30), "$lte": now - timedelta(seconds=1)}
        return sum(len(list(due.find({"bucket": int(lane), "at": window}, {"_id": 1}))) for lane in Lane)


def _last_position(house: House) -> int:
    with house.client() as client:
        head = client[f"{house.prefix}sla"]["positions"].find_one({"_id": "journal"})
    return 0 if head is None else int(head["next"]) - 1


def _pids(house: House) -> dict[str, int]:
    pids = {name: house.processes[name].pid or 0 for name in ("sla", RELAY_PROCESS)}
    return {**pids, "database": house.database.pids[0]}


def _processor(house: House) -> dict[str, float]:
    """Seconds of processor that each process has used."""
    fields = {name: _stat(pid, "stat").rpartition(")")[2].split() for name, pid in _pids(house).items()}
    return {name: (int(found[11]) + int(found[12])) / _TICKS for name, found in fields.items()}


def _memory(house: House) -> dict[str, float]:
    return {name: int(_stat(pid, "statm").split()[1]) * _PAGE / 1e6 for name, pid in _pids(house).items()}


def _stat(pid: int, name: str) -> str:
    return Path("/proc", str(pid), name).read_text()


def _show(clocks: int, filled: float, steady: Steady, recovery: Recovery) -> None:
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    console.print(f"{clocks:,} running clocks, filled in {filled:.0f} s")
    console.print(
        f"at the natural rate of {steady.per_second:.1f} thresholds a second ({steady.facts}): late p50 "
        f"{steady.p50:.2f} s, p99 {steady.p99:.2f} s, worst {steady.worst:.2f} s"
    )
    for name, share in steady.cores.items():
        console.print(f"  {name:9} {share * 100:5.1f} % of a core, {steady.megabytes[name]:,.0f} MB")
    console.print(
        f"after {recovery.down_seconds:.0f} s away: {recovery.overdue} clocks overdue, all told "
        f"{recovery.drained_seconds:.1f} s after the start; P1 first: {_yes(recovery.critical_first)}, "
        f"in due order: {_yes(recovery.in_due_order)}"
    )


def _yes(value: bool) -> str:
    return "yes" if value else "no"


if __name__ == "__main__":
    sys.exit(main())
