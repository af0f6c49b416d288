"""`deskwire topology`: every exchange and queue with its bindings, as the code names them; declared when asked to."""

from __future__ import annotations

from typing import Any

import click

from deploy.local.access import OPERATOR
from deskwire.console import Voice
from deskwire.options import json_option
from deskwire.session import find_addresses, find_management, operator_channel, vhost_of
from shared.config import Settings
from shared.declaring import ONLY_AMQP, declare, old_bindings, unbind
from shared.management import Binding
from shared.topology import Topology, house


@click.command("topology")
@click.option("--declare", "wanted", is_flag=True, help="Make the broker so; changes nothing twice.")
@json_option
def topology(wanted: bool, as_json: bool) -> None:
    """Print the exchanges and queues, or declare them and take old bindings off the queues.

    Old bindings are looked for where the management API is known; `deskwire doctor` names them and changes nothing.
    """
    voice = Voice(as_json=as_json)
    named = house(Settings.load().retry_ladder)
    removed = _make(named) if wanted else None
    told = None if removed is None else [[one.exchange, one.key, one.queue] for one in removed]
    voice.answer({"declared": wanted, "removed": told, **_document(named)})
    if wanted:
        voice.line(f"Declared {len(named.exchanges)} exchanges and {len(named.queues)} queues.")
        only_amqp = f"{ONLY_AMQP[0].upper()}{ONLY_AMQP[1:]}."
        voice.line(only_amqp if removed is None else f"Removed {len(removed)} old bindings.")
        for one in removed or ():
            voice.line(f"  {one}")
        return
    voice.table(("exchange", "kind"), [(one.name, one.kind) for one in named.exchanges])
    voice.line()
    rows = [(queue.name, "  ".join(f"{source} {key}" for source, key in queue.bindings)) for queue in named.queues]
    voice.table(("queue", "takes"), rows)


def _make(named: Topology) -> tuple[Binding, ...] | None:
    """Declare, then take old bindings away; returns those, None when nobody can tell which there are."""
    with operator_channel() as channel:
        declare(named, channel)
        management = find_management()
        if management is None:
            return None
        old = old_bindings(named, management.bindings(vhost_of(find_addresses().amqp[OPERATOR])))
        unbind(old, channel)
        return old


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
