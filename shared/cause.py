"""Who acted and what led to it: carried from the edge through every event, never taken from a header."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.envelope import Envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who did it. `kind` is `person`, `system` (a foreign sender) or `service` (one of ours)."""

    kind: str
    id: str
    roles: frozenset[str] = field(default_factory=frozenset)
    organisation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why a record changes: the actor and the trail to the first event of the chain.

    `backfill` is inherited by every event it causes; `hops` counts the events between the edge and here.
    """

    actor: Actor
    correlationid: str
    causationid: str | None = None
    traceparent: str | None = None
    hops: int = 0
    backfill: bool = False

    @classmethod
    def of(cls, envelope: Envelope, actor: Actor) -> Cause:
        """The cause that handling `envelope` on behalf of `actor` is."""
        return cls(
            actor=actor,
            correlationid=envelope.correlationid or envelope.id,
            causationid=envelope.id,
            traceparent=envelope.traceparent,
            hops=envelope.hops + 1,
            backfill=envelope.backfill,
        )

    def by(self, actor: Actor) -> Cause:
        """The same trail with another actor."""
        return replace(self, actor=actor)


def service_actor(name: str) -> Actor:
    """The actor of what a service does by itself, such as a tick."""
    return Actor(kind="service", id=name)
