"""The end of an incident by its alerts, and what is remembered of it: what fires again soon was never over."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from services.incident.domain.alerts import OpenAlert
from services.incident.domain.closure import Reopen, Resolve
from services.incident.domain.conversation import AuthorKind, LinkTo, Note
from services.incident.domain.flapping import CLEARED, Clearing, comes_back, is_reopened, is_worn_out, scheduled, text
from services.incident.domain.following import Source
from services.incident.domain.history import moment
from services.incident.domain.lifecycle import Action
from services.incident.domain.record import Incident, LinkKind
from services.incident.handlers.ports import Ports
from services.incident.handlers.records import change
from shared.cause import Cause
from shared.storage import Stored, from_document, to_document
from shared.unit_of_work import Work

CLEARINGS = "clearings"
OVER = Resolve(code=CLEARED, text="Its last alert has cleared.")


def read_clearings(work: Work, fingerprints: Collection[str]) -> Mapping[str, Clearing]:
    """What is remembered of these fingerprints, in one read."""
    rows = work.load(CLEARINGS, fingerprints)
    return {key: from_document(Clearing, row) for key, row in rows.items()}


def close(
    work: Work, fingerprint: str, claim: OpenAlert, resolve: Resolve, at: datetime, cause: Cause, *, ports: Ports
) -> None:
    """Resolve the incident of a claim, and remember what it goes on with when it is reopened."""
    stored = ports.incidents.get(work, claim.incident)
    # Dated before what it ends, it is of a clock that is wrong: unless it is history, it is said now.
    believed = cause.backfill or at >= stored.state.opened_at
    ended_at = moment(stored.state, at if believed else work.now, work.now)
    change(work, stored, ((Action.RESOLVE, resolve),), ended_at, cause, ports=ports)
    clearing = Clearing(
        incident=claim.incident,
        at=at,
        stored_at=work.now,
        last=replace(claim, due_at=None, ending_at=None, ending_heard_at=None),
    )
    work.load(CLEARINGS, [fingerprint])
    work.put(CLEARINGS, fingerprint, to_document(clearing))


def reopen(work: Work, clearing: Clearing, at: datetime, cause: Cause, *, ports: Ports) -> OpenAlert | None:
    """The claim of what its alert resolved a short while ago, reopened; None where that is not so."""
    stored = _coming_back(work, clearing, at, ports)
    if stored is None or is_worn_out(stored.state):
        return None
    steps = ((Action.REOPEN, Reopen(reason=_reason(ports), cause=Source.ALERT.value)),)
    change(work, stored, steps, moment(stored.state, at, work.now), cause, ports=ports)
    # Nothing fired when it was resolved, and what has fired since would have reopened it.
    last = replace(clearing.last, firing=0, held=False, beside_cleared=False)
    return scheduled(last, settles_at=None, looks_at=None)


def tell_former(work: Work, clearing: Clearing, opened: Stored[Incident], cause: Cause, *, ports: Ports) -> None:
    """Link an incident to the one that its alert would have reopened once more, and tell why it did not."""
    at = opened.state.opened_at
    former = _coming_back(work, clearing, at, ports)
    if former is None:
        return
    words = f"{_reason(ports)} {former.key} was reopened so often that this is another incident."
    steps = (
        (Action.LINK, LinkTo(kind=LinkKind.INCIDENT, number=former.key)),
        (Action.NOTE, Note(text=words, author_kind=AuthorKind.SYSTEM)),
    )
    change(work, opened, steps, at, cause, ports=ports)


def _coming_back(work: Work, clearing: Clearing, at: datetime, ports: Ports) -> Stored[Incident] | None:
    """The incident of which a firing is the same trouble again."""
    if not comes_back(clearing, at, work.now, ports.alerts.flapping):
        return None
    stored = ports.incidents.get_many(work, [clearing.incident]).get(clearing.incident)
    return stored if stored is not None and is_reopened(stored.state) else None


def _reason(ports: Ports) -> str:
    return f"Its alert fires again within {text(ports.alerts.flapping.reopen_within)} of having cleared."


def hold(work: Work, claim: OpenAlert, at: datetime, cause: Cause, *, ports: Ports) -> None:
    """Tell the desk that an incident stays open although nothing fires."""
    rules = ports.alerts.flapping
    words = (
        f"Its alert has cleared {len(claim.cleared)} times within {text(rules.window)}. "
        f"The incident stays open until the alert has been quiet for {text(rules.settle)}."
    )
    stored = ports.incidents.get(work, claim.incident)
    steps = ((Action.NOTE, Note(text=words, author_kind=AuthorKind.SYSTEM)),)
    change(work, stored, steps, moment(stored.state, at, work.now), cause, ports=ports)
