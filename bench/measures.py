"""The measures, each over a house or over bare queues: events a second, or seconds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

from bench import ceiling, load
from deploy.local.access import OPERATOR
from deploy.local.process import wait_for
from shared.envelope import Envelope, encode
from tests.house import RELAY_PROCESS, House

DEADLINE = 300.0
LEAD_SECONDS = 5.0
"""The start of a steady rate, told apart: the database may still be writing down what came before."""
OTHERS = ("sla", "problem", "change", "notify", "knowledge", "directory")


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """From the report to the planned delivery, in seconds. `lead_p99` is of the first five seconds alone."""

    p50: float
    p99: float
    events: int
    lead_p99: float


def ceiling_rate(house: House, count: int, *, stages: int) -> float:
    """Events a second through one bare stage or two, from a filled queue to the last insert."""
    uri, mark = house.uri(OPERATOR), uuid4().hex[:8]
    queues = f"ceiling-{mark}-1", f"ceiling-{mark}-2"
    ceiling.declare(uri, *queues)
    ceiling.fill(uri, queues[0], [encode(one) for one in load.distinct(count, mark)])
    runs = [_stage(house, uri, queues[0], queues[1], count)]
    if stages == 2:
        runs.append(_stage(house, uri, queues[1], "-", count))
    spans = [run.communicate(timeout=DEADLINE)[0].split() for run in runs]
    ceiling.remove(uri, *queues)
    return count / (max(float(ended) for _, ended in spans) - float(spans[0][0]))


def _stage(house: House, uri: str, source: str, target: str, count: int) -> subprocess.Popen[str]:
    environment = {**os.environ, "AMQP_URI": uri, "MONGODB_URI": house.database.uri}
    argv = [sys.executable, "-m", "bench.ceiling", source, target, str(count)]
    return subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, text=True)


def accepted_rate(house: House, count: int) -> float:
    """(a) Events a second from a filled intake to stored incidents whose events the broker has confirmed."""
    before = _published(house)
    with _halted(house, *OTHERS):
        seconds = _drain(house, load.distinct(count, uuid4().hex[:8]), lambda: _published(house) >= before + count)
    _rest(house)
    return count / seconds


def whole_path_rate(house: House, count: int) -> float:
    """(b) Events a second until incident, both clocks and the planned delivery of each are stored."""
    before = _opened(house)
    alerts = load.distinct(count, uuid4().hex[:8])
    seconds = _drain(
        house, alerts, lambda: all(one >= past + count for one, past in zip(_opened(house), before, strict=True))
    )
    _rest(house)
    return count / seconds


def storm_rate(house: House, count: int) -> float:
    """(c) Alerts a second in a storm of which 95 % are duplicates, all occurrences stored."""
    before = _handled(house)
    alerts = list(load.storm(count, uuid4().hex[:8]))
    seconds = _drain(house, alerts, lambda: _handled(house) >= before + count)
    _rest(house)
    return count / seconds


def latency(house: House, *, rate: float, seconds: float) -> Latency:
    """From the report to the planned delivery at a steady rate: the instants that the desk itself stored.

    `seconds` of it are measured after the lead, whose events are told by themselves.
    """
    sent: dict[str, float] = {}
    mark, count = uuid4().hex[:8], int(rate * (LEAD_SECONDS + seconds))
    began = time.monotonic()
    for number in range(count):
        _sleep_until(began + number / rate)
        alert = load.alert(f"{mark}-{number}")
        sent[alert.id] = time.time()
        house.publish(alert)
    _rest(house)
    planned = {row["trail"]["correlationid"]: row["planned_at"] for row in house.rows("notify", "deliveries")}
    spans = [planned[one].timestamp() - at for one, at in sent.items()]
    lead = int(rate * LEAD_SECONDS)
    steady = spans[lead:]
    return Latency(p50=_at(steady, 0.5), p99=_at(steady, 0.99), events=len(steady), lead_p99=_at(spans[:lead], 0.99))


def _at(spans: Sequence[float], share: float) -> float:
    return sorted(spans)[int(len(spans) * share)]


def memory(house: House) -> dict[str, float]:
    """Resident megabytes of each process."""
    return {name: house.metric(name, "process_resident_memory_bytes") / 1e6 for name in house.processes}


def _drain(house: House, events: Sequence[Envelope], done: Callable[[], bool]) -> float:
    """Fill the intake while incident is halted, let it go, and take the time until `done`."""
    with _halted(house, "incident"):
        for start in range(0, len(events), 500):
            house.publish(*events[start : start + 500])
    began = time.monotonic()
    if not wait_for(done, DEADLINE):
        raise TimeoutError(f"not done within {DEADLINE:.0f} s")
    return time.monotonic() - began


@contextmanager
def _halted(house: House, *names: str) -> Iterator[None]:
    for name in names:
        os.kill(house.processes[name].pid or 0, signal.SIGSTOP)
    try:
        yield
    finally:
        for name in names:
            os.kill(house.processes[name].pid or 0, signal.SIGCONT)


def _rest(house: House) -> None:
    """Wait until nothing is under way and every delivery is sent, so that no measure pays for the one before."""

    def sent() -> bool:
        with house.client() as client:
            return client[f"{house.prefix}notify"]["deliveries"].find_one({"state": "planned"}) is None

    house.wait_quiet(DEADLINE, also=sent)


def _published(house: House) -> float:
    return house.metric(RELAY_PROCESS, "itsm_journal_published_total", service="incident")


def _handled(house: House) -> float:
    return house.metric("incident", "itsm_events_handled_total", event="alert.firing")


def _opened(house: House) -> tuple[float, float]:
    """Incidents whose clocks are stored, and whose delivery is. Counting rows would be work for the database."""
    opened = {"event": "incident.opened", "outcome": "handled"}
    return tuple(house.metric(name, "itsm_events_handled_total", **opened) for name in ("sla", "notify"))  # type: ignore[return-value]


def _sleep_until(at: float) -> None:
    time.sleep(max(0.0, at - time.monotonic()))
