"""What people do to changes: load, ask the domain, save, answer with the snapshot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from services.change import claims, related
from services.change.domain import lifecycle
from services.change.domain.change import Change
from services.change.domain.matching import identity
from services.change.domain.templates import Template
from services.change.domain.transitions import Outcome
from shared.command import Command
from shared.errors import Invalid
from shared.storage import Repository, Stored
from shared.store import Document
from shared.unit_of_work import Work

if TYPE_CHECKING:
    from shared.numbers import Numbers

Args = Mapping[str, Any]
Changes = Repository[Change]
PREFIX = "CHG"


def request(
    work: Work,
    command: Command,
    args: Args,
    *,
    changes: Changes,
    numbers: Numbers,
    templates: Mapping[str, Template],
) -> Document:
    """Ask for a change, for the one who sends the command."""
    template = _template(args.get("template"), templates)
    asked = {**args, "template": template, "requester": command.cause.actor.id}
    change, happened = lifecycle.request(**asked, now=work.now)
    number = numbers.next(PREFIX)
    return _shown(changes, changes.save(work, None, change, happened, command.cause, key=number))


def _template(name: str | None, templates: Mapping[str, Template]) -> Template | None:
    if name is None:
        return None
    if name not in templates:
        raise Invalid(f"there is no template {name}", pointer="/args/template")
    return templates[name]


def assess(work: Work, command: Command, args: Args, *, changes: Changes) -> Document:
    """Judge risk and impact."""
    return _change(work, command, changes, partial(lifecycle.assess, **args, now=work.now))


def approve(work: Work, command: Command, args: Args, *, changes: Changes) -> Document:
    """Allow the change; the one who sends the command decides."""
    by = command.cause.actor.id
    return _change(work, command, changes, partial(lifecycle.approve, **args, by=by, now=work.now))


def reject(work: Work, command: Command, args: Args, *, changes: Changes) -> Document:
    """Refuse the change; the one who sends the command decides."""
    by = command.cause.actor.id
    return _change(work, command, changes, partial(lifecycle.reject, **args, by=by, now=work.now))


def schedule(work: Work, command: Command, args: Args, *, changes: Changes) -> Document:
    """Set the window."""
    return _change(work, command, changes, partial(lifecycle.schedule, **args, now=work.now))


def implement(work: Work, command: Command, args: Args, *, changes: Changes) -> Document:
    """Begin."""
    return _change(work, command, changes, partial(lifecycle.implement, **args, now=work.now))


def complete(work: Work, command: Command, args: Args, *, changes: Changes) -> Document:
    """Say that the work is done."""
    return _change(work, command, changes, partial(lifecycle.complete, **args, now=work.now))


def review(work: Work, command: Command, args: Args, *, changes: Changes) -> Document:
    """Say what came of it."""
    return _change(work, command, changes, partial(lifecycle.review, **args, now=work.now))


def close(work: Work, command: Command, args: Args, *, changes: Changes) -> Document:
    """Finish the change for good. What is deployed from now on and is not authorised opens another."""
    stored = _stored(work, command, changes)
    after, happened = lifecycle.close(stored.state, **args, now=work.now)
    claims.release(work, sorted({identity(one) for one in after.deployments}), stored.key)
    return _shown(changes, changes.save(work, stored, after, happened, command.cause))


def cancel(work: Work, command: Command, args: Args, *, changes: Changes) -> Document:
    """Withdraw the change."""
    return _change(work, command, changes, partial(lifecycle.cancel, **args, now=work.now))


def link(work: Work, command: Command, args: Args, *, changes: Changes) -> Document:
    """Link an incident, a problem or another change."""
    stored = _stored(work, command, changes)
    if related.is_linked(work, stored.key, args["to"]):
        return _shown(changes, stored)
    after, happened = lifecycle.link(stored.state, args["to"], now=work.now)
    if happened:
        related.keep_link(work, stored.key, stored.state, args["to"])
    return _shown(changes, changes.save(work, stored, after, happened, command.cause))


def _change(work: Work, command: Command, changes: Changes, rule: Callable[[Change], Outcome]) -> Document:
    stored = _stored(work, command, changes)
    after, happened = rule(stored.state)
    return _shown(changes, changes.save(work, stored, after, happened, command.cause))


def _stored(work: Work, command: Command, changes: Changes) -> Stored[Change]:
    return changes.get(work, command.require_number(), expected_version=command.expected_version)


def _shown(changes: Changes, stored: Stored[Change]) -> Document:
    return changes.shape.snapshot(stored.key, stored.version, stored.state)
