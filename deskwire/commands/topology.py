"""`deskwire topology`: every exchange and queue with its bindings, as the code names them, and whether they exist."""

from __future__ import annotations

from typing import Any

import click
from rich.markup import escape

from deskwire.console import Voice
from deskwire.options import json_option
from deskwire.session import operator_channel
from shared.config import Settings
from shared.topology import Topology, declare, house


@click.command("topology")
@click.option("--declare", "wanted", is_flag=True, help="Declare everything on the broker; changes nothing twice.")
@json_option
def topology(wanted: bool, as_json: bool) -> None:
    """Print the exchanges and queues, or declare them."""
    voice = Voice(as_json=as_json)
    named = house(Settings.load().retry_ladder)
    if wanted:
        with operator_channel() as channel:
            declare(named, channel)
    voice.answer({"declared": wanted, **_document(named)})
    if wanted:
        voice.line(f"Declared {len(named.exchanges)} exchanges and {len(named.queues)} queues.")
        return
    voice.table(("exchange", "kind"), [(one.name, one.kind) for one in named.exchanges])
    voice.line()
    rows = [
        (queue.name, escape("  ".join(f"{source} {key}" for source, key in queue.bindings))) for queue in named.queues
    ]
    voice.table(("queue", "takes"), rows)


def _document(named: Topology) -> dict[str, Any]:
    return {
        "exchanges": [
            {"name": one.name, "kind": one.kind, "arguments": dict(one.arguments)} for one in named.exchanges
        ],
        "queues": [
            {"name": one.name, "arguments": dict(one.arguments), "bindings": [list(pair) for pair in one.bindings]}
            for one in named.queues
        ],
    }
