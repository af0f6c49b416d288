"""Starts the stack in order, watches it, starts again what ends by itself, and stops it in order.

Order up: broker and database, topology, services and relay. Order down: services, relay, database, broker.
Nothing is left behind: each part is asked, then killed at its deadline; if the supervisor itself is killed, the
kernel kills its children (Linux).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from deploy.local import running, settling
from deploy.local.amqp import without_password
from deploy.local.broker import Broker
from deploy.local.database import Database
from deploy.local.folders import Folders
from deploy.local.last_words import last_words, reason
from deploy.local.parts import Parts, Reporter
from deploy.local.probe import readiness
from deploy.local.process import Child, wait_for
from deploy.local.running import RunningProcess, RunningStack
from deploy.local.stack import Plan, operator_environment
from deploy.local.standstill import GRACE_SECONDS, MOST_RESTARTS, Standstill, Verdict
from deploy.local.stop import Stop, Stopped
from deploy.local.watch import Watched
from shared.clock import SystemClock, format_instant
from shared.errors import EXIT_CONFIGURATION, Unavailable

READY_SECONDS = 90.0
SERVICE_STOP_SECONDS = 30.0
RELAY_STOP_SECONDS = 15.0
BACKING_STOP_SECONDS = 15.0
CRASHES_BEFORE_READY = 3
ASKED_EVERY = 5.0
_LOOK = 0.2


class StartFailed(Unavailable):
    """A part did not come up; the message names it, its last words and its log."""

    slug = "start-failed"


class StandsStill(Unavailable):
    """The database stands still again and again; the message says what was being written."""

    slug = "database-standstill"


class Supervisor:
    """One run of the stack. Use it from the main thread: its children die with the thread that started them."""

    def __init__(
        self, folders: Folders, parts: Parts, reporter: Reporter, stop: Stop, *, grace: float = GRACE_SECONDS
    ) -> None:
        """`grace` is for how many seconds after a start the database is not taken to stand still."""
        self._folders = folders
        self._parts = parts
        self._reporter = reporter
        self._stop = stop
        self._started_at = format_instant(SystemClock().now())
        self._children: dict[str, Child] = {}
        self._watched: list[Watched] = []
        self._standstill = Standstill(started_at=time.monotonic(), grace=grace)
        self._asked_at = time.monotonic()
        self._ready = False

    def run(self, when_up: Callable[[], None]) -> None:
        """Start, call `when_up`, and watch until `stop` is set. Raises StartFailed, BrokerFailed or DatabaseFailed, and
        StandsStill when a database of ours does so again after all its restarts.

        However it ends, everything it started has ended before it returns.
        """
        try:
            self._start()
            when_up()
            self._watch()
        except Stopped:
            pass
        finally:
            self._shut_down()

    def _start(self) -> None:
        self._folders.gate.unlink(missing_ok=True)
        running.write_addresses(self._folders, self._parts.backing.addresses)
        began = time.monotonic()
        self._spawn_backing(began)
        self._spawn_processes()
        self._write_state()
        self._await_backing(began)
        self._declare()
        self._await_readiness(time.monotonic())
        self._ready = True
        self._write_state()

    def _spawn_backing(self, began: float) -> None:
        for name, part in self._own().items():
            part.spawn()
            self._watched.append(Watched(name=name, part=part, start=part.spawn, started_at=began))

    def _own(self) -> dict[str, Broker | Database]:
        backing = self._parts.backing
        own = {"database": backing.database, "broker": backing.broker}
        return {name: part for name, part in own.items() if part is not None}

    def _spawn_processes(self) -> None:
        """They import what they need and wait at the gate, while the broker starts."""
        for plan in self._parts.plans:
            argv = ("deploy.local.launch", str(self._folders.gate), *plan.module)
            child = self._child(plan.name, argv, plan.environment)
            self._children[plan.name] = child
            child.start()
            self._watched.append(Watched(name=plan.name, part=child, start=child.start, started_at=time.monotonic()))

    def _await_backing(self, began: float) -> None:
        own = self._own()
        self._reporter.starting(list(own))
        for name, part in own.items():
            self._stop.wait_for(lambda part=part: not part.alive or part.ready(), READY_SECONDS)  # type: ignore[misc]
            if not part.alive or not part.ready():
                raise StartFailed(f"The {name} did not start; {part.log} says why.")
            self._reporter.ready(name, time.monotonic() - began)

    def _declare(self) -> None:
        """Exchanges and queues first, so that no event is published before its queues exist."""
        began = time.monotonic()
        self._reporter.starting(["topology"])
        child = self._child("topology", self._parts.declare, operator_environment(self._parts.backing.addresses))
        child.start()
        self._children["topology"] = child
        self._stop.wait_for(lambda: not child.alive, READY_SECONDS)
        if child.exit_code != 0:
            raise StartFailed(last_words(child))
        del self._children["topology"]
        self._settle()
        self._folders.gate.touch()
        self._reporter.ready("topology", time.monotonic() - began)

    def _settle(self) -> None:
        if self._parts.backing.broker is None or settling.is_settled(self._folders.broker):
            return
        if self._stop.pause(settling.SECONDS):
            raise Stopped
        settling.mark(self._folders.broker)

    def _await_readiness(self, began: float) -> None:
        self._reporter.starting([plan.name for plan in self._parts.plans])
        pending = {plan.name: plan for plan in self._parts.plans}
        while pending:
            self._stop.check()
            if time.monotonic() - began > READY_SECONDS:
                raise StartFailed(self._not_ready(pending))
            self._look_after_crashes()
            for name, plan in list(pending.items()):
                if self._children[name].alive and readiness(plan.ops_port) == {}:
                    del pending[name]
                    self._reporter.ready(name, time.monotonic() - began)
            self._stop.pause(_LOOK)

    def _look_after_crashes(self) -> None:
        """Before the stack was ever up, a part that ends again and again is a fault to be told, not to be repeated."""
        for watched in self._watched:
            said = watched.look(time.monotonic())
            child = self._children.get(watched.name)
            if child is not None and child.exit_code == EXIT_CONFIGURATION:
                raise StartFailed(f"{child.name} cannot start: {reason(child)}")
            if watched.crashes >= CRASHES_BEFORE_READY and child is not None:
                raise StartFailed(last_words(child))
            if said is not None:
                self._reporter.say(said)

    def _not_ready(self, pending: Mapping[str, Plan]) -> str:
        reasons = []
        for name, plan in pending.items():
            faults = readiness(plan.ops_port)
            why = "does not answer" if faults is None else ", ".join(f"{key} {text}" for key, text in faults.items())
            reasons.append(f"{name} ({why}; see {self._children[name].log})")
        return f"Not ready after {READY_SECONDS:.0f} s: {', '.join(reasons)}."

    def _watch(self) -> None:
        while not self._stop.pause(_LOOK):
            for watched in self._watched:
                said = watched.look(time.monotonic())
                if said is not None:
                    self._reporter.say(said)
                    self._write_state()
            self._look_after_commits(time.monotonic())

    def _look_after_commits(self, now: float) -> None:
        """Start a database of ours again that takes requests and commits nothing, as often as that may help."""
        database = self._parts.backing.database
        if database is None or now - self._asked_at < min(ASKED_EVERY, self._standstill.grace):
            return
        self._asked_at = now
        watched = next(one for one in self._watched if one.part is database)
        self._standstill.started_at = max(self._standstill.started_at, watched.started_at)
        told = {plan.name: readiness(plan.ops_port) or {} for plan in self._parts.plans}
        match self._standstill.look(now, told):
            case Verdict.RESTART:
                count = len(self._standstill.restarts)
                self._reporter.say(f"The database commits nothing ({self._standstill.said})")
                database.kill()
                database.spawn()
                watched.started_at = now
                self._reporter.say(f"The database started again ({count} of {MOST_RESTARTS} times within an hour)")
                self._write_state()
            case Verdict.GIVE_UP:
                raise StandsStill(
                    f"The database stands still again after {MOST_RESTARTS} restarts within an hour, and stays so: "
                    f"{self._standstill.said}. What to do: docs/runbooks/database-standstill.md."
                )

    def _shut_down(self) -> None:
        self._stop.stopping = True
        relay = {plan.name for plan in self._parts.plans if plan.last_to_stop}
        self._end([child for name, child in self._children.items() if name not in relay], SERVICE_STOP_SECONDS)
        self._end([child for name, child in self._children.items() if name in relay], RELAY_STOP_SECONDS)
        for name, part in self._own().items():
            if not part.stop(0.0 if self._stop.hurried else BACKING_STOP_SECONDS):
                self._reporter.say(f"The {name} did not stop in time and was killed.")
        self._folders.gate.unlink(missing_ok=True)
        running.forget(self._folders)

    def _end(self, children: Sequence[Child], seconds: float) -> None:
        for child in children:
            child.ask_to_stop()
        wait_for(lambda: self._stop.hurried or not any(child.alive for child in children), seconds)
        for child in children:
            if child.alive:
                self._reporter.say(f"{child.name} did not stop in time and was killed.")
            child.kill()

    def _child(self, name: str, module: Sequence[str], environment: Mapping[str, str]) -> Child:
        # A `_FILE` twin would win over the address that this stack gives out.
        twins = {f"{key}_FILE" for key in environment}
        kept = {key: value for key, value in os.environ.items() if key not in twins}
        return Child(
            name,
            [sys.executable, "-m", *module],
            env={**kept, **environment},
            cwd=self._folders.root,
            log=self._folders.logs / f"{name}.log",
        )

    def _write_state(self) -> None:
        backing = self._parts.backing
        restarts = {watched.name: watched.restarts for watched in self._watched}
        processes = {
            plan.name: RunningProcess(
                pid=self._children[plan.name].pid if plan.name in self._children else None,
                ops_port=plan.ops_port,
                restarts=restarts.get(plan.name, 0),
            )
            for plan in self._parts.plans
        }
        stack = RunningStack(
            pid=os.getpid(),
            started_at=self._started_at,
            ready=self._ready,
            amqp=without_password(backing.addresses.amqp["operator"]),
            mongodb=without_password(backing.addresses.mongodb),
            broker_pids=backing.broker.pids if backing.broker else (),
            database_pids=backing.database.pids if backing.database else (),
            processes=processes,
        )
        running.write(self._folders, stack)
