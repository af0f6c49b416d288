"""A change: the record, its states, kinds and actions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

DEPLOYMENTS_KEPT = 20
"""How many of its deployments a change lists, the latest ones; `deployment_count` counts all, which are kept apart."""
LINKS_KEPT = 50
"""How many of its links a change lists, the latest ones; `links_total` counts all, which are kept apart."""

PRIORITIES = ("P1", "P2", "P3", "P4")
"""From the most to the least urgent."""


class State(Enum):
    """Where a change stands."""

    REQUESTED = "requested"
    ASSESSED = "assessed"
    APPROVED = "approved"
    REJECTED = "rejected"
    SCHEDULED = "scheduled"
    IMPLEMENTING = "implementing"
    IMPLEMENTED = "implemented"
    REVIEWED = "reviewed"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class Kind(Enum):
    """ITIL 4's three kinds, and the one that nobody asked for.

    `standard` follows a template that was approved before; `normal` takes every step; `emergency` may be approved
    before it is assessed and made before it is scheduled; `unauthorised` was made without having been approved.
    """

    STANDARD = "standard"
    NORMAL = "normal"
    EMERGENCY = "emergency"
    UNAUTHORISED = "unauthorised"


class Action(Enum):
    """What can be done to a change; the value is the command's name where it is one."""

    REQUEST = "request"
    PRE_APPROVE = "pre_approve"
    ASSESS = "assess"
    APPROVE = "approve"
    REJECT = "reject"
    SCHEDULE = "schedule"
    IMPLEMENT = "implement"
    COMPLETE = "complete"
    REVIEW = "review"
    CLOSE = "close"
    CANCEL = "cancel"
    LINK = "link"
    DISCOVER = "discover"
    DEPLOY = "deploy"


class Degree(Enum):
    """How high a risk or an impact is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Result(Enum):
    """What a review found."""

    SUCCESSFUL = "successful"
    FAILED = "failed"
    BACKED_OUT = "backed_out"


class Decision(Enum):
    """What an approver said."""

    APPROVED = "approved"
    REJECTED = "rejected"


class LinkKind(Enum):
    """What a change can be linked to."""

    INCIDENT = "incident"
    PROBLEM = "problem"
    CHANGE = "change"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Another record, by its kind and number."""

    kind: LinkKind
    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One decision on a change, and who took it."""

    by: str
    decision: Decision
    text: str | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What a pipeline reported. `source` and `id` name its event; `change` is the change that it claims to serve."""

    source: str
    id: str
    service: str | None
    ci: str | None
    version: str | None
    change: str | None
    pipeline: str | None
    by: str | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change. `requester` is a person's id; None where nobody asked."""

    kind: Kind
    state: State
    title: str
    description: str | None
    priority: str
    service: str | None
    ci: str | None
    template: str | None
    risk: Degree | None
    impact: Degree | None
    requester: str | None
    approvals: tuple[Approval, ...]
    start_at: datetime | None
    end_at: datetime | None
    implemented_at: datetime | None
    outcome: Result | None
    deployments: tuple[Deployment, ...]
    deployment_count: int
    links: tuple[Link, ...]
    opened_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    links_total: int = 0
