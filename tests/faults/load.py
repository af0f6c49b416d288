"""What foreign systems say during a scenario: made from a seed, so that a run can be told again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from shared.envelope import Envelope, Lane
from shared.testing import make_envelope
from tests.faults.ledger import SOURCE

SEVERITIES = ("critical", "error", "warning", "info")
AGES = (timedelta(minutes=1), timedelta(minutes=7), timedelta(minutes=20))
"""How long ago it happened: some thresholds are passed when the event comes, some are passed while the run goes on."""

Script = tuple[tuple[str, dict[str, Any]], ...]
ACCEPT: Script = (("accept", {"person": "anna"}),)
RESOLVE: Script = (("resolve", {"code": "fixed", "text": "done"}),)
WAIT: Script = (("wait", {"reason": "user"}), ("resume", {}))
NOTE: Script = (("note", {"text": "looked at it", "visibility": "public"}),)
ESCALATE: Script = (("escalate", {"level": 2, "team": "second", "summary": "needs a specialist"}),)
CLOSE: Script = (("close", {}),)
LONG: Script = ACCEPT + NOTE * 20 + RESOLVE

SCRIPTS: tuple[tuple[Script, str], ...] = (
    ((), "new"),
    (ACCEPT, "in_progress"),
    (ACCEPT + RESOLVE, "resolved"),
    (ACCEPT + WAIT + RESOLVE + CLOSE, "closed"),
    (NOTE + ESCALATE + ACCEPT + NOTE + RESOLVE, "resolved"),
)
"""What is done to a ticket, and the state in which that leaves it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One message to publish, and how many copies of it go out at the same time."""

    envelope: Envelope
    copies: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What must be true when everything has arrived.

    `firing` are deduplication keys whose last news is that they fire; `tickets` maps references to their final
    state and version; `deployed` maps versions to how often they were deployed; `marked` are ids that must die.
    """

    said: tuple[Said, ...]
    firing: frozenset[str]
    cleared: frozenset[str]
    tickets: dict[str, tuple[str, int]]
    deployed: dict[str, int]
    marked: frozenset[str]


@dataclass(slots=True)
class Story:
    """Makes the load of one scenario; `name` keeps its ids and keys apart from those of others."""

    name: str
    random: Random
    now: datetime
    copied: float
    crowded: bool = False
    """Whether a few records get a large part of the events, so that replicas meet at them."""
    _count: int = 0
    _firing: set[str] = field(default_factory=set)
    _cleared: set[str] = field(default_factory=set)
    _tickets: dict[str, tuple[str, int]] = field(default_factory=dict)
    _deployed: dict[str, int] = field(default_factory=dict)
    _marked: set[str] = field(default_factory=set)

    def tell(self, count: int) -> Truth:
        """At least `count` events in shuffled order, and what they must lead to."""
        envelopes = self._stubborn()
        if self.crowded:
            envelopes += [*self._ticket((LONG, "resolved")), *self._ticket((LONG, "resolved")), *self._alert(10)]
        while len(envelopes) < count:
            kind = self.random.choices((self._alert, self._ticket, self._deployments, self._stubborn), (50, 30, 6, 2))
            envelopes += kind[0]()
        self.random.shuffle(envelopes)
        said = [Said(envelope=one, copies=self._copies(one)) for one in envelopes]
        return Truth(
            said=tuple(said),
            firing=frozenset(self._firing),
            cleared=frozenset(self._cleared),
            tickets=self._tickets,
            deployed=self._deployed,
            marked=frozenset(self._marked),
        )

    def _copies(self, envelope: Envelope) -> int:
        # Each copy of an event that must die would die by itself; one letter for each is easier to count.
        alone = envelope.id in self._marked
        return 1 if alone or self.random.random() >= self.copied else 4

    def _envelope(self, kind: str, at: datetime, data: dict[str, Any], **more: Any) -> Envelope:
        self._count += 1
        lane = self.random.choices(tuple(Lane), (1, 4, 1))[0]
        name = f"{self.name}-{self._count:05d}"
        return make_envelope(id=name, source=SOURCE, type=kind, time=at, data=data, **{"lane": lane, **more})

    def _moments(self) -> Iterator[datetime]:
        at = self.now - self.random.choice(AGES)
        while True:
            yield at
            at += timedelta(milliseconds=10)

    def _alert(self, most: int = 4) -> list[Envelope]:
        """One fingerprint: it fires, repeats itself, and may clear and fire again, at most `most` times."""
        key = f"{self.name}/alert/{self._count}"
        data = {
            "dedup_key": key,
            "title": f"Alert {key}",
            "severity": self.random.choice(SEVERITIES),
            "source": "probe",
            "ci": f"ci-{self._count % 7}",
            # A payload that some JSON libraries turn into something else, or refuse.
            "labels": {"__type__": "nope", "__value__": 1},
        }
        types, moments = [], self._moments()
        for _ in range(self.random.randint(1, most)):
            types += ["alert.firing"] * self.random.randint(1, most) + ["alert.resolved"]
        if self.random.random() < 0.6:
            types.pop()
        (self._firing if types[-1] == "alert.firing" else self._cleared).add(key)
        return [self._envelope(kind, at, data) for kind, at in zip(types, moments, strict=False)]

    def _ticket(self, told: tuple[Script, str] | None = None) -> list[Envelope]:
        """One ticket of a foreign desk with what was done to it, numbered."""
        ref = f"{self.name}/{self._count}"
        script, state = told or self.random.choice(SCRIPTS)
        moments, history = self._moments(), {"backfill": self.random.random() < 0.25}
        submitted = {"external_ref": ref, "title": f"Ticket {ref}", "service": "mail", "impact": "low"}
        envelopes = [self._envelope("ticket.submitted", next(moments), submitted, sequence=1, **history)]
        for sequence, (action, args) in enumerate(script, start=2):
            data = {"external_ref": ref, "action": action, "args": args}
            envelopes.append(self._envelope("ticket.action", next(moments), data, sequence=sequence, **history))
        self._tickets[ref] = (state, 1 + len(script))
        return envelopes

    def _deployments(self) -> list[Envelope]:
        """One version, deployed once or a few times, without any change that allows it."""
        version = f"{self.name}-{self._count}"
        data = {"service": "shop", "version": version, "pipeline": "deliver"}
        self._deployed[version] = times = self.random.randint(1, 3)
        moments = self._moments()
        return [self._envelope("change.deployed", next(moments), data) for _ in range(times)]

    def _stubborn(self) -> list[Envelope]:
        """An event whose handler fails, beside some whose handler does not."""
        moments = self._moments()
        told = [self._envelope("alert.stubborn", next(moments), {"marked": index == 0}) for index in range(4)]
        self._marked.add(told[0].id)
        return told
