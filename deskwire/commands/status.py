"""`deskwire status`: services, queues that hold something, journal lag and dead letters, at a glance."""

from __future__ import annotations

from typing import Any

import click

from deskwire.cli import Exit
from deskwire.console import Voice, marked
from deskwire.options import json_option
from deskwire.status import Status, gather


@click.command("status")
@click.option("--all", "everything", is_flag=True, help="Empty queues, too.")
@json_option
def status(everything: bool, as_json: bool) -> int:
    """Show how the desk does. Exit code 4 when something is not well."""
    voice = Voice(as_json=as_json)
    found = gather()
    voice.answer(_document(found))
    if not as_json:
        _tell(voice, found, everything)
    return Exit.DONE if found.well else Exit.NOT_WELL


def _tell(voice: Voice, found: Status, everything: bool) -> None:
    rows = []
    for service in found.services:
        said = "ready" if service.ready else ", ".join(f"{name} {fault}" for name, fault in service.faults.items())
        unsent, oldest = found.journal.get(service.name, (0, 0.0))
        lag = f"{unsent} unsent, oldest {oldest:.1f} s" if unsent else ""
        rows.append((service.name, marked(service.ready, said), str(service.port), lag))
    voice.table(("service", "state", "port", "journal"), rows, numbers=("port",))
    voice.line()
    if found.journal_fault is not None:
        voice.line(f"journal   {found.journal_fault}", style="red")
    if found.broker_fault is not None:
        voice.line(found.broker_fault, style="red")
        return
    _tell_queues(voice, found, everything)
    _tell_dead(voice, found)


def _tell_queues(voice: Voice, found: Status, everything: bool) -> None:
    told = [queue for queue in found.queues if everything or queue.messages != 0]
    if not told:
        voice.line(f"queues    {len(found.queues)}, all empty")
        return
    rows = [
        (one.name, "missing" if one.messages is None else str(one.messages), str(one.consumers or 0)) for one in told
    ]
    voice.table(("queue", "messages", "consumers"), rows, numbers=("messages", "consumers"))


def _tell_dead(voice: Voice, found: Status) -> None:
    dead = found.dead_letters
    total = sum(dead.values())
    hint = (
        f"  ({', '.join(f'{name} {count}' for name, count in dead.items())}; see `deskwire dead list`)" if dead else ""
    )
    voice.line(f"dead      {total}{hint}", style="red" if total else None)


def _document(found: Status) -> dict[str, Any]:
    return {
        "well": found.well,
        "services": {one.name: {"ready": one.ready, "port": one.port, "faults": one.faults} for one in found.services},
        "queues": {one.name: {"messages": one.messages, "consumers": one.consumers} for one in found.queues},
        "journal": {
            name: {"unsent": unsent, "oldest_seconds": oldest} for name, (unsent, oldest) in found.journal.items()
        },
        "dead_letters": found.dead_letters,
        "broker_fault": found.broker_fault,
        "journal_fault": found.journal_fault,
    }
