"""What problem tells about incidents: that they belong to a problem, and that its cause is gone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from services.incident.domain.history import moment
from services.incident.domain.problems import ProblemChange, when_linked, when_resolved
from services.incident.events import PROBLEM_RESOLVED
from services.incident.handlers.ports import Ports
from services.incident.handlers.records import change
from shared.cause import Cause, service_actor
from shared.envelope import Envelope
from shared.errors import DeskwireError, Rejected
from shared.unit_of_work import Work

ReadProblem = Callable[[Envelope], ProblemChange]


def on_problem(
    work: Work, envelopes: Sequence[Envelope], *, ports: Ports, read: ReadProblem
) -> Mapping[str, DeskwireError]:
    """Link, resolve or annotate the incidents that are named; numbers that are no record's are passed over."""
    rejected: dict[str, DeskwireError] = {}
    told: list[tuple[Envelope, ProblemChange]] = []
    for envelope in envelopes:
        try:
            told.append((envelope, read(envelope)))
        except Rejected as error:
            rejected[envelope.id] = error
    ports.incidents.get_many(work, sorted({number for _, one in told for number in one.incidents}))
    for envelope, one in told:
        for number in dict.fromkeys(one.incidents):
            _follow(work, envelope, one, number, ports)
    return rejected


def _follow(work: Work, envelope: Envelope, told: ProblemChange, number: str, ports: Ports) -> None:
    stored = ports.incidents.get_many(work, [number]).get(number)
    if stored is None:
        return
    problem = envelope.subject or ""
    over = envelope.type == PROBLEM_RESOLVED
    steps = when_resolved(stored.state, problem, told) if over else when_linked(problem)
    at = moment(stored.state, envelope.time, work.now)
    change(work, stored, steps, at, Cause.of(envelope, service_actor("problem")), ports=ports)
