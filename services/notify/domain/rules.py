"""Whether an event concerns somebody: rules, the facts they judge, and the reason for each answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Scalar = str | int | float | bool | None


class Channel(StrEnum):
    """How a delivery leaves the house."""

    EMAIL = "email"
    WEBHOOK = "webhook"


class Reason(StrEnum):
    """Why a rule does or does not lead to a delivery; the values are metric labels."""

    MATCHED = "matched"
    OTHER_EVENT = "other_event"
    BACKFILL = "backfill"
    HOP_LIMIT = "hop_limit"
    RESTRICTED_HIDDEN = "restricted_hidden"
    CONDITION_NOT_MET = "condition_not_met"
    NO_RECIPIENT = "no_recipient"


URGENT = 0
"""The lane of what is served first; a higher number is served later (the envelope's lanes)."""

VISIBLE_WHEN_RESTRICTED = frozenset({"number", "version", "state", "priority"})
"""What the snapshot of a restricted record holds; a rule that asks for more cannot be judged."""

REQUESTER = "requester"
ROLES = frozenset({"team", "person", REQUESTER})
"""Recipients that stand for a field of the snapshot: the record's team, the person it is assigned to, who asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One field of the snapshot must equal one of `values`. A dot reaches into an object: `change.percent`."""

    path: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Which events concern whom. All conditions must hold.

    `events` are event types in which a word may be `*`; `to` names roles (ROLES) and addresses; `subject` and
    `text` are templates, empty for a webhook, which carries the event itself.
    """

    name: str
    events: tuple[str, ...]
    to: tuple[str, ...]
    channel: Channel
    when: tuple[Condition, ...] = ()
    subject: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a rule may know of an event. `lane` is 0 for urgent, 1 for normal, 2 for bulk."""

    event: str
    source: str
    type: str
    record: str
    data: Mapping[str, Any]
    at: str
    lane: int = 1
    hops: int = 0
    backfill: bool = False
    restricted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where a webhook goes. The secret (Standard Webhooks, `whsec_` and base64) never shows in a text or a log."""

    url: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """The address book: a name leads to an e-mail address, a webhook, or both."""

    emails: Mapping[str, str]
    webhooks: Mapping[str, Webhook]

    def has(self, name: str, channel: Channel) -> bool:
        """Whether this name can be reached on this channel."""
        return name in (self.emails if channel is Channel.EMAIL else self.webhooks)


def should_notify(rule: Rule, facts: Facts, *, max_hops: int) -> Reason:
    """Whether this rule applies to this event, before anybody's address is looked up.

    History that is brought over notifies nobody. An event at the end of more than `max_hops` others is taken for
    a loop and stays silent. A restricted record is judged only by what its snapshot may show.
    """
    if not any(type_matches(pattern, facts.type) for pattern in rule.events):
        return Reason.OTHER_EVENT
    if facts.backfill:
        return Reason.BACKFILL
    if facts.hops > max_hops:
        return Reason.HOP_LIMIT
    if facts.restricted and any(_hidden(condition.path) for condition in rule.when):
        return Reason.RESTRICTED_HIDDEN
    if not all(_holds(condition, facts.data) for condition in rule.when):
        return Reason.CONDITION_NOT_MET
    return Reason.MATCHED


def type_matches(pattern: str, event_type: str) -> bool:
    """Whether the type fits the pattern: word by word between the dots, where `*` stands for exactly one word."""
    wanted, words = pattern.split("."), event_type.split(".")
    return len(wanted) == len(words) and all(one in ("*", word) for one, word in zip(wanted, words, strict=True))


def value_at(data: Mapping[str, Any], path: str) -> Any:
    """The value under a dotted path, or None where the path leads nowhere."""
    value: Any = data
    for name in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def _hidden(path: str) -> bool:
    return path.split(".")[0] not in VISIBLE_WHEN_RESTRICTED


def _holds(condition: Condition, data: Mapping[str, Any]) -> bool:
    value = value_at(data, condition.path)
    # Python takes True for 1; a condition on a number must not be met by a flag.
    return any(value == wanted and isinstance(value, bool) == isinstance(wanted, bool) for wanted in condition.values)
