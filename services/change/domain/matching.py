"""Which change a deployment belongs to: the one it names, else the only one that fits, else none."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from services.change.domain.change import Change, Deployment, State
from shared.keys import separated

DEPLOYABLE = (State.APPROVED, State.SCHEDULED, State.IMPLEMENTING)
"""The states in which a change may be deployed."""
CANDIDATES = (*DEPLOYABLE, State.IMPLEMENTED)
"""The states in which a change is looked at for a deployment that does not name it."""
_MADE = (State.IMPLEMENTED, State.REVIEWED, State.CLOSED)


class Reason(Enum):
    """Why a deployment belongs to a change, or to none."""

    NAMED = "named"
    ONLY_CANDIDATE = "only_candidate"
    SAME_VERSION = "same_version"
    NO_CANDIDATE = "no_candidate"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The verdict; `number` is None where no change was found."""

    reason: Reason
    number: str | None = None


def match(deployment: Deployment, changes: Mapping[str, Change]) -> Match:
    """The change among `changes` (by number) to which the deployment belongs.

    The change it names counts if it may be deployed and covers what was deployed, whatever its window. Otherwise
    exactly one must cover it and have no window, or one that contains the moment of the deployment. News that comes
    late counts as if it had come at once: a change takes what was deployed before it was said to be implemented.
    """
    fitting = {number: change for number, change in changes.items() if fits(change, deployment)}
    if deployment.change in fitting:
        return Match(reason=Reason.NAMED, number=deployment.change)
    looked_at = {number: change for number, change in fitting.items() if change.state in CANDIDATES}
    candidates = [number for number, change in looked_at.items() if within_window(change, deployment)]
    if len(candidates) == 1:
        return Match(reason=Reason.ONLY_CANDIDATE, number=candidates[0])
    return Match(reason=Reason.AMBIGUOUS if candidates else Reason.NO_CANDIDATE)


def fits(change: Change, deployment: Deployment) -> bool:
    """Whether the change may be deployed and covers what was.

    At least one of service and item is named by both, and where both name one, it is the same.
    """
    pairs = ((change.service, deployment.service), (change.ci, deployment.ci))
    both = [ours == theirs for ours, theirs in pairs if ours and theirs]
    return _may_be_deployed(change, deployment) and bool(both) and all(both)


def _may_be_deployed(change: Change, deployment: Deployment) -> bool:
    if change.state in _MADE:
        return change.implemented_at is not None and deployment.at <= change.implemented_at
    return change.state in DEPLOYABLE


def within_window(change: Change, deployment: Deployment) -> bool:
    """Whether the change has no window, or the deployment came inside it (half open)."""
    if change.start_at is None or change.end_at is None:
        return True
    return change.start_at <= deployment.at < change.end_at


def identity(deployment: Deployment) -> str:
    """What one open unauthorised change exists for: service, item and version; without a version the event itself."""
    if deployment.version:
        parts = ("version", deployment.service or "", deployment.ci or "", deployment.version)
    else:
        parts = ("event", deployment.source, deployment.id, "")
    return hashlib.sha256(separated(*parts).encode()).hexdigest()[:32]
