"""Deployments that pipelines report: each is noted on its change, or on one that is opened after the fact."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from services.change import claims, related
from services.change.domain import lifecycle
from services.change.domain.change import Change, Deployment, State
from services.change.domain.matching import DEPLOYABLE, Match, Reason, identity, match
from services.change.handlers.commands import PREFIX
from shared.cause import Actor, Cause
from shared.envelope import Envelope
from shared.errors import DeskwireError
from shared.storage import Repository, Stored
from shared.unit_of_work import Work

if TYPE_CHECKING:
    from shared.numbers import Numbers

CANDIDATES_READ = 1_000
"""Changes read at most for one service or item that a batch names, of each state."""
_INSTANT = timedelta(milliseconds=1)
"""What instants are stored to."""
Read = Callable[[Envelope, datetime], Deployment]
"""What an event reports; a moment after the one given is taken for that one. Raises DeskwireError."""


def on_deployed(
    work: Work,
    envelopes: Sequence[Envelope],
    *,
    read: Read,
    changes: Repository[Change],
    numbers: Numbers,
) -> dict[str, DeskwireError]:
    """Take a batch of deployments; returns the ones whose data cannot be read."""
    deployments, rejected = _read(work, envelopes, read)
    known = _known(work, [deployment for _, deployment in deployments], changes)
    for envelope, deployment in deployments:
        found = _find(work, deployment, known)
        cause = Cause.of(envelope, Actor(kind="system", id=envelope.sender or f"system:{envelope.source}"))
        if found.number is None:
            stored = _discover(work, deployment, found.reason, changes, numbers.next(PREFIX), cause)
        else:
            stored = _record(work, known[found.number], deployment, found.reason, changes, cause)
        known[stored.key] = stored
    return rejected


def _read(
    work: Work, envelopes: Sequence[Envelope], read: Read
) -> tuple[list[tuple[Envelope, Deployment]], dict[str, DeskwireError]]:
    deployments: list[tuple[Envelope, Deployment]] = []
    rejected: dict[str, DeskwireError] = {}
    for envelope in envelopes:
        try:
            deployments.append((envelope, read(envelope, work.now)))
        except DeskwireError as error:
            rejected[envelope.id] = error
    return deployments, rejected


def _known(work: Work, deployments: Sequence[Deployment], changes: Repository[Change]) -> dict[str, Stored[Change]]:
    """All changes that any of these deployments could belong to.

    Of those that are implemented only what was so after the deployment can take it: what has long been deployed past
    everybody does not make the next one dearer.
    """
    known: dict[str, Stored[Change]] = {}
    for field in ("service", "ci"):
        earliest: dict[str, datetime] = {}
        for one in deployments:
            if value := getattr(one, field):
                earliest[value] = min(one.at, earliest.get(value, one.at))
        for value, at in sorted(earliest.items()):
            known.update({stored.key: stored for stored in _candidates(work, field, value, at, changes)})
    holders = claims.holders(work, sorted({identity(one) for one in deployments}))
    named = {one.change for one in deployments if one.change}
    return {**known, **changes.get_many(work, sorted({*named, *holders.values()} - known.keys()))}


def _candidates(
    work: Work, field: str, value: str, at: datetime, changes: Repository[Change]
) -> Iterator[Stored[Change]]:
    for state in DEPLOYABLE:
        yield from changes.find(work, {field: value, "state": state.value}, limit=CANDIDATES_READ)
    made = {field: value, "state": State.IMPLEMENTED.value}
    yield from changes.find(work, made, limit=CANDIDATES_READ, sort="implemented_at", after=at - _INSTANT)


def _find(work: Work, deployment: Deployment, known: Mapping[str, Stored[Change]]) -> Match:
    found = match(deployment, {number: stored.state for number, stored in known.items()})
    if found.number is not None:
        return found
    holder = claims.holders(work, [identity(deployment)]).get(identity(deployment))
    return found if holder is None else Match(reason=Reason.SAME_VERSION, number=holder)


def _record(
    work: Work,
    stored: Stored[Change],
    deployment: Deployment,
    reason: Reason,
    changes: Repository[Change],
    cause: Cause,
) -> Stored[Change]:
    if related.is_recorded(work, stored.key, deployment):
        return stored
    after, happened = lifecycle.record_deployment(stored.state, deployment, reason=reason.value)
    if happened:
        related.keep_deployment(work, stored.key, stored.state, deployment)
    return changes.save(work, stored, after, happened, cause)


def _discover(
    work: Work,
    deployment: Deployment,
    reason: Reason,
    changes: Repository[Change],
    number: str,
    cause: Cause,
) -> Stored[Change]:
    change, happened = lifecycle.discover(deployment, reason=reason.value, now=work.now)
    claims.claim(work, identity(deployment), number)
    related.keep_deployment(work, number, None, deployment)
    return changes.save(work, None, change, happened, cause, key=number)
