"""What people do to problems: load, ask the domain, save, answer with the snapshot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from services.problem import claims, members, related
from services.problem.domain import lifecycle
from services.problem.domain.problem import Link, LinkKind, Problem
from services.problem.domain.transitions import Outcome
from shared.command import Command
from shared.storage import Repository, Stored
from shared.store import Document
from shared.unit_of_work import Work

if TYPE_CHECKING:
    from shared.numbers import Numbers

Args = Mapping[str, Any]
Problems = Repository[Problem]
PREFIX = "PRB"


def open(work: Work, command: Command, args: Args, *, problems: Problems, numbers: Numbers) -> Document:
    """Open a problem. Raises NotAllowed (`problem-exists`) when its signature has an unsolved one."""
    problem, happened = lifecycle.open(**args, now=work.now)
    number = numbers.next(PREFIX)
    claims.follow(work, number, None, problem)
    return _shown(problems, problems.save(work, None, problem, happened, command.cause, key=number))


def accept(work: Work, command: Command, args: Args, *, problems: Problems) -> Document:
    """Take a proposed problem up."""
    return _change(work, command, problems, partial(lifecycle.accept, **args, now=work.now))


def link(work: Work, command: Command, args: Args, *, problems: Problems) -> Document:
    """Link an incident, a change or another problem."""
    to = Link(kind=LinkKind(args["kind"]), number=args["number"])
    number = command.require_number()
    if to.kind is LinkKind.INCIDENT:
        members.assign_if_free(work, to.number, number)
    stored = problems.get(work, number, expected_version=command.expected_version)
    if related.is_linked(work, number, to):
        return _shown(problems, stored)
    after, happened = lifecycle.link(stored.state, to, now=work.now)
    if happened:
        related.keep(work, number, stored.state, [to])
    return _shown(problems, problems.save(work, stored, after, happened, command.cause))


def diagnose(work: Work, command: Command, args: Args, *, problems: Problems) -> Document:
    """State the root cause."""
    return _change(work, command, problems, partial(lifecycle.diagnose, **args, now=work.now))


def workaround(work: Work, command: Command, args: Args, *, problems: Problems) -> Document:
    """Write the workaround down."""
    return _change(work, command, problems, partial(lifecycle.record_workaround, **args, now=work.now))


def resolve(work: Work, command: Command, args: Args, *, problems: Problems) -> Document:
    """Resolve the problem; its event tells what its incidents need."""
    number = command.require_number()
    problem = problems.get(work, number).state
    incidents = related.incidents_page(work, number, problem)["incidents"]
    return _change(work, command, problems, partial(lifecycle.resolve, **args, incidents=incidents, now=work.now))


def reopen(work: Work, command: Command, args: Args, *, problems: Problems) -> Document:
    """Go on with a resolved or rejected problem. Raises NotAllowed (`problem-exists`) when another took its place."""
    return _change(work, command, problems, partial(lifecycle.reopen, **args, now=work.now))


def close(work: Work, command: Command, args: Args, *, problems: Problems) -> Document:
    """Close a resolved problem for good."""
    return _change(work, command, problems, partial(lifecycle.close, **args, now=work.now))


def reject(work: Work, command: Command, args: Args, *, problems: Problems) -> Document:
    """Say that this is not a problem."""
    return _change(work, command, problems, partial(lifecycle.reject, **args, now=work.now))


def _change(work: Work, command: Command, problems: Problems, rule: Callable[[Problem], Outcome]) -> Document:
    stored = problems.get(work, command.require_number(), expected_version=command.expected_version)
    after, happened = rule(stored.state)
    claims.follow(work, stored.key, stored.state, after)
    return _shown(problems, problems.save(work, stored, after, happened, command.cause))


def _shown(problems: Problems, stored: Stored[Problem]) -> Document:
    return problems.shape.snapshot(stored.key, stored.version, stored.state)
