"""Deliberately slow and simple: what all clocks of a record mean, tick by tick, with none of the service's code.

Each tick has three parts: what the record's entries of that instant say, which thresholds the clocks that count have
come to, and the open time that goes until the next tick. Nothing is reckoned ahead and nothing is taken back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.unit.sla.slow_model import is_open

OVER = ("resolved", "closed", "cancelled")
STICKY = ("organisation", "contract", "service", "kind", "category", "level", "team")
"""What a restricted version does not tell, and what is known of it still."""


@dataclass
class Now:
    """The record as it is known at an entry, and as it was before."""

    fields: dict[str, Any]
    policy: Any

    def __getattr__(self, name: str) -> Any:
        return self.fields[name]


@dataclass
class ModelClock:
    """One clock. `gone` counts open ticks under every policy of its version at once."""

    kind: str
    instance: int | None
    party: str | None
    policy: Any
    priority: str
    since: datetime
    activity: str = "running"
    reason: str = ""
    gone: dict[str, int] = field(default_factory=dict)
    passed: dict[str, datetime] = field(default_factory=dict)

    @property
    def breached(self) -> bool:
        return "100%" in self.passed

    @property
    def ended(self) -> bool:
        return self.activity in ("stopped", "cancelled")

    @property
    def state(self) -> str:
        if self.breached:
            return "breached"
        if self.ended:
            return "met" if self.activity == "stopped" else "cancelled"
        return "running" if self.counts(self.policy) else "paused"

    def counts(self, policy: Any) -> bool:
        if self.activity == "waiting":
            return self.reason not in policy.pauses
        return self.activity == "running"

    def hear(self, now: Now, at: datetime) -> None:
        """What an entry does to a clock that runs, stands, or has ended and may be set going again."""
        if self.ended and self.kind not in ("response", "resolution"):
            return
        moves = not self.breached and target_of(now.policy, self.kind) is not None
        if moves and not self.ended:
            self.policy, self.priority = now.policy, now.priority
        was, had_ended = self.activity, self.ended
        self.activity, self.reason = self.doing(now, now.policy if moves else self.policy)
        if had_ended and self.activity != was and moves:
            self.policy, self.priority = now.policy, now.priority
            if not self.ended and now.policy.on_reopen.value == "restart":
                self.since, self.gone, self.passed = at, {}, {}

    def doing(self, now: Now, policy: Any) -> tuple[str, str]:
        if self.activity == "stopped" and (self.kind != "resolution" or now.state == "cancelled"):
            return self.activity, self.reason
        if now.state == "cancelled":
            return "cancelled", "cancelled"
        done = self.done(now, policy)
        if done or now.state in ("resolved", "closed"):
            return "stopped", done or "resolved"
        if now.state == "waiting" and self.kind != "vendor":
            return "waiting", now.waiting_reason or "hidden"
        return "running", ""

    def done(self, now: Now, policy: Any) -> str | None:
        """Why that has happened which the clock measures."""
        if self.kind == "response":
            by = policy.response_stops_at.value
            if now.accepted and by in ("accept", "either"):
                return "accepted"
            return "replied" if now.replied and by in ("reply", "either") else None
        if self.kind == "next_reply":
            return "replied" if now.answered else None
        if self.kind == "assignment":
            return "handed-over" if now.team != self.party else None
        if self.kind == "vendor":
            return None if now.state == "waiting" and now.waiting_reason in ("vendor", None) else "back"
        return None

    def look(self, at: datetime, tick: timedelta) -> None:
        """Note what is passed by a clock that goes on from here."""
        if not self.counts(self.policy):
            return
        target = target_of(self.policy, self.kind)
        gone = self.gone.get(self.policy.name, 0) * tick
        if gone >= target:
            self.passed.setdefault("100%", at)
        for one in self.policy.thresholds:
            point = target * one.mark.percent / 100 + timedelta(seconds=one.mark.offset_seconds)
            if gone >= point > timedelta(0) and self.kind in one.clocks:
                self.passed.setdefault(one.mark.name, at)


def target_of(policy: Any, kind: str) -> Any:
    """The target; None where the policy has none."""
    if kind in ("response", "resolution"):
        return getattr(policy, kind)
    return {one.value: target for one, target in policy.others.items()}.get(kind)


@dataclass
class ModelRecord:
    """All clocks of one record, in the order in which they began."""

    rules: tuple[Any, ...]
    clocks: list[ModelClock] = field(default_factory=list)
    known: dict[str, Any] = field(default_factory=dict)

    def hear(self, entry: Any, at: datetime) -> None:
        before, fields = self.known, {name: getattr(entry, name) for name in type(entry).__slots__}
        if before:
            fields |= {name: fields[name] or before[name] for name in ("accepted", "replied")}
            fields |= {name: before[name] for name in STICKY if entry.restricted}
        self.known, now = fields, Now(fields, self.choose(fields))
        for clock in self.clocks:
            clock.hear(now, at)
        for kind in self.starting(before, now):
            self.start(kind, now, at)

    def choose(self, fields: dict[str, Any]) -> Any:
        for rule in self.rules:
            if all(fields[one.field.value] in one.values for one in rule.conditions):
                return rule.policy
        raise AssertionError("no rule takes the incident")

    def starting(self, before: dict[str, Any], now: Now) -> list[str]:
        found = [] if before else ["response", "resolution"]
        if now.asked and now.state not in OVER:
            found.append("next_reply")
        came = not before or before["team"] != now.team or before["state"] in OVER
        if now.team is not None and now.state not in OVER and came and not self.has_open("assignment"):
            found.append("assignment")
        there = now.state == "waiting" and now.waiting_reason == "vendor"
        was_there = bool(before) and before["state"] == "waiting" and before["waiting_reason"] == "vendor"
        if there and not was_there and not self.has_open("vendor"):
            found.append("vendor")
        return [kind for kind in found if target_of(now.policy, kind) is not None]

    def has_open(self, kind: str) -> bool:
        return any(clock.kind == kind and not clock.ended for clock in self.clocks)

    def start(self, kind: str, now: Now, at: datetime) -> None:
        always = kind in ("response", "resolution")
        party = now.team if kind == "assignment" else None
        clock = ModelClock(kind, None if always else now.version, party, now.policy, now.priority, at)
        self.clocks.append(clock)
        clock.hear(now, at)

    def pass_tick(self, opened: dict[str, bool]) -> None:
        policies = [rule.policy for rule in self.rules if opened[rule.policy.calendar]]
        for clock in self.clocks:
            for policy in policies:
                if clock.counts(policy):
                    clock.gone[policy.name] = clock.gone.get(policy.name, 0) + 1


def simulate(entries: list[Any], agreements: Any, end: datetime, tick: timedelta) -> list[ModelClock]:
    """The clocks from the first entry up to, but without, `end`; every instant is a whole number of ticks after it."""
    begun = [one for one in agreements.versions if one.effective_from and one.effective_from <= entries[0].at]
    record = ModelRecord(rules=(begun[-1] if begun else agreements.versions[0]).rules)
    at, coming = entries[0].at, list(entries)
    while at < end:
        while coming and coming[0].at <= at:
            record.hear(coming.pop(0), at)
        for clock in record.clocks:
            clock.look(at, tick)
        if not all(clock.ended for clock in record.clocks):
            record.pass_tick({name: is_open(one, at) for name, one in agreements.calendars.items()})
        at += tick
    return record.clocks
