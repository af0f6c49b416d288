"""Deliberately slow and simple: what calendars and clocks mean, minute by minute, with none of the service's code."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)


@cache
def zone_info(name: str) -> ZoneInfo:
    """Python's own reading of the pinned database; `ZoneInfo(name)` would read the machine's."""
    with (files("tzdata") / "zoneinfo").joinpath(*name.split("/")).open("rb") as content:
        return ZoneInfo.from_file(content, key=name)


def is_open(calendar: Any, at: datetime) -> bool:
    """Whether the wall clock is inside an interval, by the version of that moment, of the calendar or of its union."""
    return verdict(calendar, at)[0]


def verdict(calendar: Any, at: datetime) -> tuple[bool, str]:
    """Whether it is open, and why."""
    for version in reversed(calendar.versions):
        if version.effective_from <= at:
            return verdict(version.calendar, at)
    if not calendar.union:
        return own_hours(calendar, at)
    sides = [(one.name, *verdict(one, at)) for one in calendar.union]
    if any(calendar.week) or calendar.exceptions:
        sides.insert(0, (calendar.name, *own_hours(calendar, at)))
    working = [name for name, opened, _ in sides if opened]
    return bool(working), ", ".join(working) or "; ".join(f"{name}: {why}" for name, _, why in sides)


def own_hours(calendar: Any, at: datetime) -> tuple[bool, str]:
    wall = at.astimezone(zone_info(calendar.zone))
    since_midnight = timedelta(hours=wall.hour, minutes=wall.minute)
    for back in (1, 0):
        day = wall.date() - timedelta(days=back)
        since = since_midnight + timedelta(days=back)
        if day in calendar.exceptions:
            special = calendar.exceptions[day]
            intervals, why = special.intervals, special.name
        else:
            intervals, why = () if day in calendar.holidays else calendar.week[day.weekday()], "open"
        if any(one.opens <= since < one.closes for one in intervals):
            return True, why
    if day in calendar.exceptions:
        return False, calendar.exceptions[day].name
    if day in calendar.holidays and calendar.week[day.weekday()]:
        return False, calendar.holidays[day]
    return False, "outside hours"


def open_minutes(calendar: Any, start: datetime, end: datetime) -> int:
    """How many of the minutes between are open."""
    minutes = int((end - start) / MINUTE)
    return sum(is_open(calendar, start + step * MINUTE) for step in range(minutes))


def after_minutes(calendar: Any, start: datetime, amount: int, limit: int) -> datetime | None:
    """When `amount` open minutes have gone, if they have within `limit` minutes."""
    at = start
    for _ in range(limit):
        if amount == 0:
            return at
        amount -= is_open(calendar, at)
        at += MINUTE
    return at if amount == 0 else None


@dataclass
class ModelClock:
    """One clock, stepped minute by minute. `gone` counts open minutes under every policy of its version at once."""

    kind: str
    rules: tuple[Any, ...]
    policy: Any = None
    priority: str = ""
    activity: str = "running"
    reason: str = ""
    accepted: bool = False
    replied: bool = False
    gone: dict[str, int] = field(default_factory=dict)
    passed: dict[str, datetime] = field(default_factory=dict)

    def counts(self, policy: Any) -> bool:
        if self.activity == "waiting":
            return self.reason not in policy.pauses
        return self.activity == "running"

    def choose(self, entry: Any) -> Any:
        for rule in self.rules:
            if all(getattr(entry, one.field.value) in one.values for one in rule.conditions):
                return rule.policy
        raise AssertionError("no rule takes the incident")

    def apply(self, entry: Any) -> None:
        self.accepted |= entry.accepted
        self.replied |= entry.replied
        ended = self.activity in ("stopped", "cancelled")
        if not ended and "100%" not in self.passed:
            self.policy, self.priority = self.choose(entry), entry.priority
        policy = self.choose(entry) if "100%" not in self.passed else self.policy
        was = self.activity
        if entry.state == "cancelled":
            self.activity = "stopped" if was == "stopped" else "cancelled"
        elif self._answered(policy) or entry.state in ("resolved", "closed"):
            self.activity = "stopped"
        elif entry.state == "waiting":
            self.activity, self.reason = "waiting", entry.waiting_reason or "hidden"
        else:
            self.activity = "running"
        if ended and self.activity != was and "100%" not in self.passed:
            self.policy, self.priority = policy, entry.priority
            if self.activity in ("running", "waiting") and policy.on_reopen.value == "restart":
                self.gone, self.passed = {}, {}

    def _answered(self, policy: Any) -> bool:
        if self.kind != "response":
            return False
        if self.activity == "stopped":
            return True
        by = policy.response_stops_at.value
        return (self.accepted and by in ("accept", "either")) or (self.replied and by in ("reply", "either"))

    def look(self, at: datetime) -> None:
        """Note what is passed by a clock that goes on from here."""
        policy = self.policy
        if not self.counts(policy):
            return
        target = int((policy.response if self.kind == "response" else policy.resolution) / MINUTE)
        points = {"100%": target}
        for one in policy.thresholds:
            if self.kind in one.clocks:
                points[one.mark.name] = target * one.mark.percent // 100 + one.mark.offset_seconds // 60
        for name, minutes in points.items():
            if self.gone.get(policy.name, 0) >= minutes:
                self.passed.setdefault(name, at)

    def minute(self, at: datetime, opened: dict[str, bool]) -> None:
        for policy in [rule.policy for rule in self.rules]:
            if self.counts(policy) and opened[policy.calendar]:
                self.gone[policy.name] = self.gone.get(policy.name, 0) + 1

    @property
    def state(self) -> str:
        if "100%" in self.passed:
            return "breached"
        if self.activity in ("stopped", "cancelled"):
            return "met" if self.activity == "stopped" else "cancelled"
        return "running" if self.counts(self.policy) else "paused"


def simulate(kind: str, entries: list[Any], agreements: Any, end: datetime) -> ModelClock:
    """The clock of this kind from the first entry up to, but without, `end`."""
    begun = [one for one in agreements.versions if one.effective_from and one.effective_from <= entries[0].at]
    rules = (begun[-1] if begun else agreements.versions[0]).rules
    model = ModelClock(kind=kind, rules=rules)
    at, waiting = entries[0].at, list(entries)
    while at < end:
        while waiting and waiting[0].at <= at:
            model.apply(waiting.pop(0))
        model.look(at)
        model.minute(at, {name: is_open(calendar, at) for name, calendar in agreements.calendars.items()})
        at += MINUTE
    return model
