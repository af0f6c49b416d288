"""`deskwire dead`: the messages that could not be handled, each with its explanation."""

from __future__ import annotations

import base64
import getpass
from collections.abc import Callable
from typing import Any

import click

from deskwire.console import Voice
from deskwire.options import json_option
from deskwire.session import consumers, find_addresses, operator_channel, store_of
from shared import deadqueue
from shared.cause import Actor
from shared.climbs import forget
from shared.clock import SystemClock
from shared.deadletter import DeadLetter, named
from shared.deeds import Deed, record
from shared.errors import Invalid
from shared.ids import SystemIds
from shared.publisher import Publisher
from shared.text.clusters import cut
from shared.unit_of_work import UnitOfWork


@click.group("dead")
def dead() -> None:
    """Dead letters: list, show, replay, discard."""


@dead.command("list")
@click.argument("consumer", required=False)
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="A consumer.")
@json_option
def list_(consumer: str | None, limit: int, as_json: bool) -> None:
    """List the dead letters of CONSUMER, or of all."""
    voice = Voice(as_json=as_json)
    letters = [letter for name in _chosen(consumer) for letter in _browse(name, limit)]
    voice.answer([_document(letter) for letter in letters])
    if not letters:
        voice.line("No dead letters.")
        return
    rows = [(one.consumer, one.message_id, one.reason, str(one.attempts), cut(one.error, 80)) for one in letters]
    voice.table(("consumer", "id", "reason", "tries", "what is wrong"), rows, numbers=("tries",))


@dead.command("show")
@click.argument("consumer")
@click.argument("message_id")
@json_option
def show(consumer: str, message_id: str, as_json: bool) -> None:
    """Show one dead letter with its body."""
    voice = Voice(as_json=as_json)
    (name,) = _chosen(consumer)
    (letter,) = named(_browse(name, 1_000_000), message_id)
    document = _document(letter)
    voice.answer(document)
    voice.details((key, str(value)) for key, value in document.items() if value)


@dead.command("replay")
@click.argument("consumer")
@click.argument("message_id", required=False)
@click.option("--all", "everything", is_flag=True, help="All of the consumer's.")
@click.option("--reason", default="replayed by an operator", show_default=True, help="Why; kept in the audit.")
@json_option
def replay(consumer: str, message_id: str | None, everything: bool, reason: str, as_json: bool) -> None:
    """Send dead letters back to the queue they came from. Safe to repeat: an effect happens once."""
    _one_or_all(message_id, everything)
    (name,) = _chosen(consumer)
    publisher = Publisher(find_addresses().amqp["operator"])
    try:
        with operator_channel() as channel:
            done = deadqueue.replay(channel, publisher, name, message_id, record=_recorder(name, Deed.REPLAYED, reason))
    finally:
        publisher.close()
    _tell(done, "sent back", as_json)


@dead.command("discard")
@click.argument("consumer")
@click.argument("message_id", required=False)
@click.option("--all", "everything", is_flag=True, help="All of the consumer's.")
@click.option("--reason", required=True, help="Why; kept in the audit.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def discard(consumer: str, message_id: str | None, everything: bool, reason: str, yes: bool, as_json: bool) -> None:
    """Remove dead letters for good."""
    _one_or_all(message_id, everything)
    (name,) = _chosen(consumer)
    if not yes and not as_json:
        click.confirm(f"Remove {message_id or 'all dead letters'} of {name} for good?", abort=True)
    with operator_channel() as channel:
        done = deadqueue.discard(channel, name, message_id, record=_recorder(name, Deed.DISCARDED, reason))
    _tell(done, "discarded", as_json)


def _recorder(service: str, deed: Deed, reason: str) -> Callable[[DeadLetter], None]:
    """Writes each deed into the audit of the service whose letter it is, before it is done.

    A letter that is discarded is forgotten: sent again by its sender, it is a new one.
    """
    unit_of_work = UnitOfWork(store_of(service), SystemClock(), SystemIds())
    actor = Actor(kind="person", id=getpass.getuser(), roles=frozenset({"operator"}))

    def write(letter: DeadLetter) -> None:
        record(unit_of_work, letter, deed, reason, actor)
        if deed is Deed.DISCARDED:
            forget(unit_of_work, letter.key)

    return write


def _browse(consumer: str, limit: int) -> list[DeadLetter]:
    with operator_channel() as channel:
        return deadqueue.browse(channel, consumer, limit)


def _chosen(consumer: str | None) -> tuple[str, ...]:
    known = consumers()
    if consumer is None:
        return known
    if consumer not in known:
        raise Invalid(f"{consumer} is no consumer: {', '.join(known)}.", pointer="/consumer")
    return (consumer,)


def _one_or_all(message_id: str | None, everything: bool) -> None:
    if (message_id is None) != everything:
        raise click.UsageError("Name one MESSAGE_ID, or say --all.")


def _tell(letters: list[DeadLetter], deed: str, as_json: bool) -> None:
    voice = Voice(as_json=as_json)
    voice.answer({"count": len(letters), "ids": [letter.message_id for letter in letters]})
    voice.line(f"{len(letters)} {'letter' if len(letters) == 1 else 'letters'} {deed}.")


def _document(letter: DeadLetter) -> dict[str, Any]:
    try:
        body = {"body": letter.body.decode()}
    except UnicodeDecodeError:
        body = {"body_base64": base64.b64encode(letter.body).decode()}
    names = ("consumer", "message_id", "reason", "error", "pointer", "queue", "attempts", "first_failed_at", "sender")
    more = {"content_type": letter.content_type, "key": letter.key, "copies": letter.copies}
    return {**{name: getattr(letter, name) for name in names}, **more, **body}
