"""What operators do to dead letters, kept with its reason in the audit of the service whose letter it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from shared.cause import Actor, Cause
from shared.deadletter import DeadLetter
from shared.envelope import Lane
from shared.event import Event
from shared.storage import Repository, Shape
from shared.store import Document
from shared.unit_of_work import UnitOfWork, Work

DEAD_LETTERS = "dead_letters"


class Deed(StrEnum):
    """What was done to a dead letter."""

    REPLAYED = "replayed"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A dead letter as it is accounted for: where and why it died, and what was done to it last."""

    consumer: str
    queue: str
    reason: str
    deed: Deed
    because: str


def _snapshot(key: str, version: int, account: Account) -> Document:
    return {"number": key, "version": version, "state": account.deed.value}


_ACCOUNTS: Repository[Account] = Repository(
    Shape(
        service="operator",
        collection=DEAD_LETTERS,
        kind=Account,
        snapshot=_snapshot,
        lane=lambda _: Lane.NORMAL,
        published=False,
    )
)


def record(unit_of_work: UnitOfWork, letter: DeadLetter, deed: Deed, because: str, actor: Actor) -> None:
    """Write a deed down, chained to the letter's earlier ones. Raises Unavailable; then the deed must not be done."""

    def block(work: Work) -> None:
        stored = _ACCOUNTS.get_many(work, [letter.message_id]).get(letter.message_id)
        fresh = Account(consumer=letter.consumer, queue=letter.queue, reason=letter.reason, deed=deed, because=because)
        account = fresh if stored is None else replace(stored.state, deed=deed, because=because)
        event = Event(type=f"dead_letter.{deed.value}", at=work.now, change={"because": because})
        cause = Cause(actor=actor, correlationid=letter.message_id)
        _ACCOUNTS.save(work, stored, account, (event,), cause, key=letter.message_id)

    unit_of_work.run(block)
