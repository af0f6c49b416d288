"""What problem tells about incidents: that they belong to a problem, and that its cause is gone.

One event may be about thousands of incidents, which no transaction holds. So where there are many, or large ones, what
it means for each of them is an effect of its own, marked in the inbox as such; the event is handled when all of them
are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice

from services.incident.domain.history import moment
from services.incident.domain.problems import ProblemChange, when_linked, when_resolved
from services.incident.domain.record import LinkKind
from services.incident.events import PROBLEM_RESOLVED
from services.incident.handlers.ports import Ports
from services.incident.handlers.records import change
from services.incident.handlers.related import linked_to
from shared.cause import Cause, service_actor
from shared.envelope import Envelope
from shared.errors import Rejected, TooLarge
from shared.ids import joined
from shared.store import INBOX, Store
from shared.unit_of_work import Taken, UnitOfWork, Work, inbox_key, merged

ReadProblem = Callable[[Envelope], ProblemChange]

AT_ONCE = 50
"""Incidents that are looked at together: an event that is about more of them is handled in parts."""


def take_problem(unit_of_work: UnitOfWork, envelopes: Sequence[Envelope], *, ports: Ports, read: ReadProblem) -> Taken:
    """Link, resolve or annotate the incidents that are named; numbers that are no record's are passed over.

    A solution reaches all incidents that are linked to the problem here, also those that its event does not name.
    """
    return merged([_take_one(unit_of_work, envelope, ports, read) for envelope in envelopes])


def _take_one(unit_of_work: UnitOfWork, envelope: Envelope, ports: Ports, read: ReadProblem) -> Taken:
    try:
        told = read(envelope)
    except Rejected as error:
        return Taken(rejected={envelope.id: error})
    numbers = _concerned(unit_of_work.store, envelope, told)
    first = list(islice(numbers, AT_ONCE))

    def whole(work: Work, _: Sequence[Envelope]) -> None:
        _follow_all(work, envelope, told, first, ports)

    more = next(numbers, None)
    if more is None and not _is_begun(unit_of_work.store, envelope, first):
        taken = unit_of_work.take("incident", [envelope], whole)
        if not isinstance(taken.rejected.get(envelope.id), TooLarge):
            return taken
    if unit_of_work.store.read(INBOX, [inbox_key("incident", envelope)]):
        return Taken(duplicates=frozenset({envelope.id}))
    rest = () if more is None else (more,)
    return _take_in_parts(unit_of_work, envelope, told, chain(first, rest, numbers), ports)


def _take_in_parts(
    unit_of_work: UnitOfWork, envelope: Envelope, told: ProblemChange, numbers: Iterator[str], ports: Ports
) -> Taken:
    """Each incident is a part with a mark of its own, so that what is interrupted goes on where it was."""
    while portion := list(islice(numbers, AT_ONCE)):
        parts = _parts(envelope, portion)

        def block(work: Work, fresh: Sequence[Envelope], parts: Mapping[str, str] = parts) -> None:
            _follow_all(work, envelope, told, [parts[one.id] for one in fresh], ports)

        taken = unit_of_work.take("incident", [replace(envelope, id=part) for part in parts], block)
        if taken.rejected:
            return Taken(rejected={envelope.id: next(iter(taken.rejected.values()))})
    return unit_of_work.take("incident", [envelope], lambda *_: None)


def _parts(envelope: Envelope, numbers: Sequence[str]) -> dict[str, str]:
    """Numbers by the id of their part."""
    return {joined(envelope.id, number): number for number in numbers}


def _is_begun(store: Store, envelope: Envelope, numbers: Sequence[str]) -> bool:
    parts = [replace(envelope, id=part) for part in _parts(envelope, numbers)]
    return bool(store.read(INBOX, [inbox_key("incident", part) for part in parts]))


def _concerned(store: Store, envelope: Envelope, told: ProblemChange) -> Iterator[str]:
    """The incidents that an event is about, each once."""
    named = dict.fromkeys(told.incidents)
    yield from named
    if envelope.type == PROBLEM_RESOLVED:
        yield from (
            number for number in linked_to(store, LinkKind.PROBLEM, envelope.subject or "") if number not in named
        )


def _follow_all(work: Work, envelope: Envelope, told: ProblemChange, numbers: Sequence[str], ports: Ports) -> None:
    ports.incidents.get_many(work, numbers)
    for number in numbers:
        _follow(work, envelope, told, number, ports)


def _follow(work: Work, envelope: Envelope, told: ProblemChange, number: str, ports: Ports) -> None:
    stored = ports.incidents.get_many(work, [number]).get(number)
    if stored is None:
        return
    problem = envelope.subject or ""
    over = envelope.type == PROBLEM_RESOLVED
    steps = when_resolved(stored.state, problem, told) if over else when_linked(problem)
    at = moment(stored.state, envelope.time, work.now)
    change(work, stored, steps, at, Cause.of(envelope, service_actor("problem")), ports=ports)
