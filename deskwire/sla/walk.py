"""Asks sla for page after page, showing how far it is: each call is short, however long the period."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Protocol

from deskwire.console import progress_bar
from deskwire.session import OPERATOR_ACTOR
from shared.clock import format_instant

PAGE_SECONDS = 60.0
"""A page is answered in a second or less; a busy service may keep it waiting."""


class Caller(Protocol):
    """What calls a service (shared.rpc)."""

    def call(self, service: str, method: str, request: Mapping[str, Any], *, timeout: float | None = None) -> Any: ...


def pages(
    caller: Caller, method: str, since: datetime | None, until: datetime | None, **args: Any
) -> Iterator[Mapping[str, Any]]:
    """All pages of a question over the clocks that started in the period."""
    bounds = {"since": since, "until": until}
    args |= {name: format_instant(at) for name, at in bounds.items() if at is not None}
    with progress_bar() as shown:
        task, cursor = shown.add_task("clocks", total=None), None
        while True:
            page = caller.call(
                "sla",
                method,
                {"args": {**args, **({"cursor": cursor} if cursor else {})}, "actor": OPERATOR_ACTOR},
                timeout=PAGE_SECONDS,
            )
            shown.update(task, advance=page["checked"], description=f"clocks to {(page['through'] or '')[:10]}")
            yield page
            cursor = page["next"]
            if cursor is None:
                return
