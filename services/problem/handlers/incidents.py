"""Incidents that come in: each is remembered, and those that recur become a problem or join theirs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.problem import claims, members, related
from services.problem.domain import lifecycle
from services.problem.domain.problem import Link, LinkKind, Problem
from services.problem.domain.recurrence import Member, Rule, bygone, countable, most_urgent, recurs
from services.problem.handlers.commands import PREFIX
from shared.cause import Cause, service_actor
from shared.envelope import Envelope
from shared.errors import DeskwireError
from shared.storage import Repository, Stored
from shared.unit_of_work import Work

if TYPE_CHECKING:
    from shared.numbers import Numbers

ACTOR = service_actor("problem")
Read = Callable[[Envelope], Member | None]
"""What an event shows of an incident, None where it cannot recur; raises DeskwireError where it cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """An incident as one event shows it."""

    member: Member
    envelope: Envelope


def on_incident(
    work: Work,
    envelopes: Sequence[Envelope],
    *,
    read: Read,
    problems: Repository[Problem],
    numbers: Numbers,
    rule: Rule,
) -> dict[str, DeskwireError]:
    """Take a batch of incident events; returns the ones whose data cannot be read."""
    newest, rejected = _newest(envelopes, read)
    if not newest:
        return rejected
    known = members.remember(work, [sighting.member for sighting in newest.values()])
    causes = _causes([newest[member.number] for member in known if member.problem is None], known)
    if causes:
        _follow_up(work, causes, problems=problems, numbers=numbers, rule=rule)
    return rejected


def _newest(envelopes: Sequence[Envelope], read: Read) -> tuple[dict[str, Sighting], dict[str, DeskwireError]]:
    newest: dict[str, Sighting] = {}
    rejected: dict[str, DeskwireError] = {}
    for envelope in envelopes:
        try:
            member = read(envelope)
        except DeskwireError as error:
            rejected[envelope.id] = error
            continue
        if member is None:
            continue
        before = newest.get(member.number)
        if before is None or before.member.seen < member.seen:
            newest[member.number] = Sighting(member=member, envelope=envelope)
    return newest, rejected


def _causes(sightings: Sequence[Sighting], known: Sequence[Member]) -> dict[str, Cause]:
    """The event that each signature is looked at for: a live one where there is one."""
    signatures = {member.number: member.signature for member in known}
    causes: dict[str, Cause] = {}
    for sighting in sightings:
        signature = signatures[sighting.member.number]
        if signature not in causes or causes[signature].backfill:
            causes[signature] = Cause.of(sighting.envelope, ACTOR)
    return causes


def _follow_up(
    work: Work, causes: dict[str, Cause], *, problems: Repository[Problem], numbers: Numbers, rule: Rule
) -> None:
    holders = claims.holders(work, causes)
    stored = problems.get_many(work, sorted(set(holders.values())))
    for signature, waiting in members.free(work, causes).items():
        cause, counted = causes[signature], countable(waiting)
        current = stored.get(holders.get(signature, ""))
        if current is not None:
            # Resolved between the two reads it takes these incidents too, as if they had come a moment earlier.
            _join(work, current, counted[: members.JOINED_AT_ONCE], cause, problems)
        elif not cause.backfill and recurs(counted, rule):
            _propose(work, counted[: members.JOINED_AT_ONCE], cause, problems, numbers)
        else:
            members.forget(work, bygone(waiting, rule, members.FREE_KEPT))


def _join(
    work: Work, stored: Stored[Problem], found: Sequence[Member], cause: Cause, problems: Repository[Problem]
) -> None:
    priority = most_urgent(member.priority for member in found)
    joining = related.unlinked(work, stored.key, [member.number for member in found])
    after, happened = lifecycle.join(stored.state, joining, priority=priority, now=work.now)
    if happened:
        listed = set(stored.state.incidents)
        _keep(work, stored.key, stored.state, [number for number in joining if number not in listed])
    problems.save(work, stored, after, happened, cause)
    members.assign(work, found, stored.key)


def _propose(
    work: Work, found: Sequence[Member], cause: Cause, problems: Repository[Problem], numbers: Numbers
) -> None:
    problem, happened = lifecycle.propose(found, now=work.now)
    number = numbers.next(PREFIX)
    claims.follow(work, number, None, problem)
    _keep(work, number, None, [member.number for member in found])
    problems.save(work, None, problem, happened, cause, key=number)
    members.assign(work, found, number)


def _keep(work: Work, problem: str, before: Problem | None, incidents: Sequence[str]) -> None:
    related.keep(work, problem, before, [Link(kind=LinkKind.INCIDENT, number=number) for number in incidents])
