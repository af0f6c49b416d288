"""Who gets what: the deliveries that an event calls for, each (recipient, channel) once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.notify.domain.rules import REQUESTER, ROLES, Addresses, Channel, Facts, Reason, Rule, should_notify


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One delivery to be made. `recipient` is a name of the address book."""

    recipient: str
    channel: Channel
    rule: Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What became of one rule for one event."""

    rule: Rule
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The deliveries of one event, and the decision of every rule in the order of the rules."""

    deliveries: tuple[Planned, ...]
    decisions: tuple[Decision, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What decides who is told: the rules in their order, and the address book.

    A rule that applies and reaches nobody goes to `fallback`, so that a team without an address is not silence; an
    empty one means none, and what is for the requester alone goes to nobody else. An event at the end of more than
    `max_hops` others notifies nobody.
    """

    rules: tuple[Rule, ...]
    addresses: Addresses
    fallback: str = ""
    max_hops: int = 16


def plan(policy: Policy, facts: Facts) -> Plan:
    """Judge every rule. Where two rules lead to the same recipient on the same channel, the first one's words go."""
    deliveries: dict[tuple[str, Channel], Planned] = {}
    decisions = []
    for rule in policy.rules:
        reason = should_notify(rule, facts, max_hops=policy.max_hops)
        names = recipients(rule, facts, policy) if reason is Reason.MATCHED else ()
        if reason is Reason.MATCHED and not names:
            reason = Reason.NO_RECIPIENT
        decisions.append(Decision(rule=rule, reason=reason))
        for name in names:
            one = Planned(recipient=name, channel=rule.channel, rule=rule)
            deliveries.setdefault((name, rule.channel), one)
    return Plan(deliveries=tuple(deliveries.values()), decisions=tuple(decisions))


def recipients(rule: Rule, facts: Facts, policy: Policy) -> tuple[str, ...]:
    """The names of the address book that this rule reaches on its channel, each once, in the rule's order."""
    addresses, fallback = policy.addresses, policy.fallback
    names = (_named(facts.data.get(one)) if one in ROLES else one for one in rule.to)
    reached = dict.fromkeys(name for name in names if name is not None and addresses.has(name, rule.channel))
    if not reached and set(rule.to) != {REQUESTER} and addresses.has(fallback, rule.channel):
        return (fallback,)
    return tuple(reached)


def _named(value: object) -> str | None:
    """The name that a field of the snapshot gives: a text, or a person with an `id`."""
    if isinstance(value, Mapping):
        value = value.get("id")
    return value if isinstance(value, str) else None
