"""A ticket that its desk submits again under the same reference.

The rule: what its sender says now of title, description, category, item, service, language and organisation holds, and
of impact and urgency unless a person here has set them; what it does not say stays. The newest submission counts, by
its sequence, or by its time where it has none; an older one changes nothing, and neither does one that says the same.
A record may become restricted or an outage so, and does not cease to be. The kind cannot change, nor a record that is
closed or cancelled: that is refused. Level, team and person are moved by actions; they, the requester and the rest
count when the record is opened.
"""

from __future__ import annotations

from datetime import datetime

from services.incident.domain.following import Source, updated, weighed
from services.incident.domain.history import Submission
from services.incident.domain.priority import PriorityTable
from services.incident.domain.record import MOST_TURNS, Incident, State
from shared.errors import NotAllowed, Rejected
from shared.event import Event

RESTATED = ("title", "description", "category", "ci", "service", "language", "organisation")
_WEIGHT = ("impact", "urgency")
_RISING = ("restricted", "outage")
_SETTLED = (State.CLOSED, State.CANCELLED)


def resubmitted(
    incident: Incident, submission: Submission, at: datetime, priorities: PriorityTable
) -> list[tuple[Incident, tuple[Event, ...]]]:
    """The record after each step, with the events of the step; none where nothing changes.

    Raises Rejected (`kind-cannot-change`), and NotAllowed for a record that is finished for good, or that has had all
    the turns it may have (`too-many-changes`).
    """
    opening, given = submission.opening, submission.given
    if "kind" in given and opening.kind is not incident.kind:
        raise Rejected(
            f"it is {incident.kind} here and cannot become {opening.kind}",
            slug="kind-cannot-change",
            pointer="/data/kind",
        )
    said = {name: getattr(opening, name) for name in RESTATED if name in given}
    if "title" in said:
        said["title"] = opening.title.strip()
    said |= {name: True for name in _RISING if getattr(opening, name)}
    steps = []
    after, events = updated(incident, said, at, Source.TICKET)
    if events:
        steps.append((after, events))
    weight = {name: getattr(opening, name) for name in _WEIGHT if name in given and name not in incident.held}
    impact, urgency = weight.get("impact", incident.impact), weight.get("urgency", incident.urgency)
    if (impact, urgency) != (incident.impact, incident.urgency):
        if incident.turns >= MOST_TURNS:
            text = f"it has changed {MOST_TURNS} times; what is submitted of it weighs no more"
            raise NotAllowed(text, slug="too-many-changes")
        steps.append(weighed(after, impact, urgency, at, priorities, {"cause": Source.TICKET.value}))
    if steps and incident.state in _SETTLED:
        raise NotAllowed(f"it is {incident.state}, and what is submitted of it changes nothing any more")
    return steps
