"""The door of stubborn."""

from __future__ import annotations

from collections.abc import Sequence

from shared.entrypoints import events
from shared.envelope import Envelope
from shared.runtime import Desk
from shared.unit_of_work import Taken, Work


class StubbornService:
    """Takes what is not marked, and fails on what is, each time anew."""

    name = "stubborn"

    desk = Desk()

    @events("intake")  # type: ignore[untyped-decorator]
    def on_intake(self, envelopes: Sequence[Envelope]) -> Taken:
        taken: Taken = self.desk.unit_of_work.take("stubborn", envelopes, take)
        return taken


def take(_work: Work, envelopes: Sequence[Envelope]) -> None:
    """Raises ZeroDivisionError for a batch that holds a marked event."""
    for envelope in envelopes:
        if envelope.data.get("marked"):
            raise ZeroDivisionError("a rule that fails for this event")
