"""The scenarios of a run, in two doses, and how one is played."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random

from shared.clock import SystemClock
from shared.publisher import Message
from shared.topology import catalogue
from tests.faults import nemesis, poison
from tests.faults.invariants import judge
from tests.faults.ledger import Ledger, Verdict
from tests.faults.load import Story, Truth
from tests.faults.meter import Meter
from tests.faults.nemesis import Fault
from tests.faults.observed import observe
from tests.faults.senders import Senders
from tests.faults.stage import Stage
from tests.house import intake_message

SPREAD_SECONDS = 0.6
"""How long the portion of a fault takes to be published; the fault strikes meanwhile."""
CONFIRM_SECONDS = 90.0
REPLICATED = ("incident", "sla", "notify", "problem")
"""Services that get a second replica where copies are to meet at the same moment in two processes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What goes wrong while which load arrives.

    `share` of the run's events; `copied` of them go out in four copies at once; `poison` times every kind of poison.
    """

    name: str
    share: float
    faults: Callable[[Random], list[Fault]] = lambda _: []
    copied: float = 0.25
    poison: int = 0
    replicas: bool = False
    redelivers: bool = True


SMALL = (
    Scenario(name="copies", share=0.2, copied=1.0, replicas=True),
    Scenario(name="poison", share=0.1, poison=2),
    Scenario(name="rolling", share=0.15, copied=0.0, faults=lambda random: nemesis.rolls(random, 1), redelivers=False),
    Scenario(name="kills", share=0.25, faults=lambda random: nemesis.kills(random, 1), poison=1),
    Scenario(name="network", share=0.15, faults=lambda random: nemesis.network(random, 4, 6, 0)),
    Scenario(name="broker", share=0.05, faults=lambda random: nemesis.outages(random, "broker", "amqp", 1, 1, 2)),
    Scenario(name="database", share=0.1, faults=lambda random: nemesis.outages(random, "database", "mongodb", 2, 1, 2)),
    Scenario(name="receivers", share=0.08, faults=lambda random: nemesis.sicknesses(random, 6)),
)
LARGE = (
    Scenario(name="copies", share=0.15, copied=1.0, replicas=True),
    Scenario(name="poison", share=0.05, poison=20),
    Scenario(name="rolling", share=0.1, copied=0.0, faults=lambda random: nemesis.rolls(random, 3), redelivers=False),
    Scenario(name="kills", share=0.4, faults=lambda random: nemesis.kills(random, 20), poison=5),
    Scenario(name="network", share=0.15, faults=lambda random: nemesis.network(random, 12, 12, 6)),
    Scenario(name="broker", share=0.05, faults=lambda random: nemesis.outages(random, "broker", "amqp", 5, 3, 3)),
    Scenario(name="database", share=0.1, faults=lambda random: nemesis.outages(random, "database", "mongodb", 8, 2, 4)),
    Scenario(name="receivers", share=0.1, faults=lambda random: nemesis.sicknesses(random, 48)),
)
DOSES = {"small": (SMALL, 1_000), "large": (LARGE, 10_000)}


@dataclass(slots=True, kw_only=True)
class Result:
    """What a scenario showed."""

    scenario: str
    faults: Counter[str] = field(default_factory=Counter)
    events: int = 0
    messages: int = 0
    resent: int = 0
    recovery: float = 0.0
    """The longest that it took all processes to be ready again after a fault, in seconds."""
    drained: float = 0.0
    """From the last fault until everything held, in seconds."""
    waited_for: str = ""
    """What held last."""
    seconds: float = 0.0
    redelivered: int = 0
    """Messages that the broker says it has delivered before."""
    repeated: int = 0
    """Messages that a service says it has handled before."""
    poison: int = 0
    letters: int = 0
    lying: int = 0
    """Messages in the dead queues; more than letters where a letter lies there twice."""
    verdicts: list[Verdict] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    @property
    def missing(self) -> int:
        return sum(len(one.missing) for one in self.verdicts)

    @property
    def doubled(self) -> int:
        return sum(len(one.doubled) for one in self.verdicts)

    @property
    def complaints(self) -> list[str]:
        """Everything that did not hold, a line each; empty when all is well."""
        return [one.explain() for one in self.verdicts if not one.holds] + self.ended


Tell = Callable[[str, int], None]
"""Told what goes on, and how many steps are done by it."""


@dataclass(slots=True, kw_only=True)
class Player:
    """Plays scenarios on a stage, one after another; the ledger grows with each, so nothing of earlier ones is lost."""

    stage: Stage
    seed: int
    events: int
    tell: Tell
    settle_seconds: float
    ledger: Ledger
    _again: Meter = field(init=False)
    _repeated: Meter = field(init=False)

    def __post_init__(self) -> None:
        self._again = Meter(self.stage, "itsm_redelivered_total")
        self._repeated = Meter(self.stage, "itsm_events_handled_total", outcome="duplicate")

    def play(self, scenario: Scenario) -> Result:
        """Play one, and judge everything when it is quiet."""
        started = time.monotonic()
        random = Random(f"{self.seed}/{scenario.name}")
        result = Result(scenario=scenario.name)
        story = Story(scenario.name, random, SystemClock().now(), scenario.copied, crowded=scenario.replicas)
        truth = story.tell(int(self.events * scenario.share))
        parts = [(intake_message(one.envelope), one.copies) for one in truth.said]
        parts += [(message, 1) for message in self._poison(scenario)]
        random.shuffle(parts)
        self._note(truth)
        self._again.start()
        self._repeated.start()
        if scenario.replicas:
            self._replicate(True)
        self._strike(scenario, random, parts, result)
        if scenario.replicas:
            self._replicate(False)
        result.events, result.messages = len(parts), sum(copies for _, copies in parts)
        self._judge(scenario, result)
        result.seconds = time.monotonic() - started
        return result

    def _poison(self, scenario: Scenario) -> list[Message]:
        messages = []
        for count in range(scenario.poison):
            for index, kind in enumerate(poison.kinds()):
                identity = f"{scenario.name}-poison-{count}-{index}"
                self.ledger.dead[kind.consumer, identity] = kind.reason
                messages.append(kind.message(identity))
        return messages

    def _note(self, truth: Truth) -> None:
        ledger = self.ledger
        ledger.firing |= truth.firing
        ledger.tickets |= truth.tickets
        ledger.deployed |= truth.deployed
        ledger.dead |= {("stubborn", one): "handler-error" for one in truth.marked}
        ledger.sent |= {one.envelope.id: one.envelope.type for one in truth.said}

    def _strike(self, scenario: Scenario, random: Random, parts: list[tuple[Message, int]], result: Result) -> None:
        faults = scenario.faults(random)
        senders = Senders(self.stage.house.uri("sender"))
        start = 0
        for index, size in enumerate(nemesis.portions(len(parts), faults)):
            senders.send(parts[start : start + size], SPREAD_SECONDS if faults else 0.0)
            start += size
            if faults:
                self._one(faults[index], random, result)
            if not senders.wait(CONFIRM_SECONDS):
                result.ended.append("not everything could be published")
        senders.close()
        result.resent = senders.resent
        self.ledger.confirm(senders.confirmed)

    def _one(self, fault: Fault, random: Random, result: Result) -> None:
        self.tell(f"{result.scenario}: {fault}", 0)
        time.sleep(random.uniform(0.05, SPREAD_SECONDS))
        if fault.kind == "SIGTERM":
            self._again.leaving(fault.target)
            self._repeated.leaving(fault.target)
        fault.strike(self.stage)
        result.recovery = max(result.recovery, self.stage.recover())
        result.faults[fault.kind] += 1
        self.tell(f"{result.scenario}: {fault}", 1)

    def _replicate(self, more: bool) -> None:
        for name in REPLICATED:
            if more:
                self.stage.house.spawn(name, "+")
            else:
                self.stage.stop_process(f"{name}+")
                del self.stage.house.processes[f"{name}+"]
        if more:
            self.stage.recover()

    def _judge(self, scenario: Scenario, result: Result) -> None:
        """Wait until everything holds, or until it is clear that it will not."""
        self.tell(f"{scenario.name}: waiting until all is quiet", 0)
        started = time.monotonic()
        result.verdicts, result.waited_for = self.settle()
        result.drained = time.monotonic() - started
        result.redelivered, result.repeated = self._again.total(), self._repeated.total()
        if not scenario.redelivers:
            result.ended += rolled_badly(result)
        result.poison = len(self.ledger.dead)
        letters = self.stage.dead_letters()
        result.letters, result.lying = len(letters), sum(letter.copies for letter in letters)
        if result.letters != result.poison:
            result.ended.append(f"{result.letters} dead letters for {result.poison} poison messages")
        if not result.faults and result.lying != result.letters:
            # Where a process is killed between a confirm and its note, nobody can know whether the copy is there.
            result.ended.append(f"{result.lying} messages in the dead queues for {result.letters} letters")
        result.ended += self.stage.ended
        self.stage.ended = []

    def settle(self) -> tuple[list[Verdict], str]:
        """The verdicts when all of them hold, or at the deadline; at once when something is there twice.

        With them comes what held last.
        """
        deadline = time.monotonic() + self.settle_seconds
        waited_for = ""
        while True:
            quiet = self.stage.house.quiet()
            late = time.monotonic() > deadline
            verdicts = self._verdicts() if quiet or late else []
            broken = [one for one in verdicts if not one.holds]
            if late or (verdicts and (not broken or any(one.doubled for one in broken))):
                return verdicts, waited_for
            waited_for = "; ".join(one.explain() for one in broken) or "queues and journals"
            time.sleep(0.3)

    def _verdicts(self) -> list[Verdict]:
        """Judge without the audit first, which is the dearest to read; then once more with it."""
        bound = catalogue()
        quick = judge(self.ledger, observe(self.stage, audit=False), bound)
        if any(not one.holds for one in quick):
            return quick
        return judge(self.ledger, observe(self.stage, audit=True), bound)


def rolled_badly(result: Result) -> list[str]:
    """What must not happen where processes end in order only and no message is sent twice."""
    complaints = []
    if result.repeated:
        complaints.append(f"{result.repeated} messages were handled twice")
    if result.redelivered:
        complaints.append(f"{result.redelivered} messages were delivered again")
    return complaints


def chosen(dose: str, only: Iterable[str]) -> tuple[Scenario, ...]:
    """The scenarios of a dose, or those of them that are named."""
    scenarios, _ = DOSES[dose]
    wanted = set(only)
    return tuple(one for one in scenarios if not wanted or one.name in wanted)
