"""`deskwire replay FILE --format volvo`: bring another desk's history over and report what became of it."""

from __future__ import annotations

import time
from pathlib import Path

import click

from deskwire.console import Voice, progress_bar
from deskwire.options import json_option
from deskwire.replay import formats, observe, rows
from deskwire.replay.publish import publish
from deskwire.replay.report import Report, show
from deskwire.replay.settle import settle
from deskwire.session import sender_uri
from deskwire.status import gather
from shared.envelope import Envelope
from shared.publisher import Publisher


@click.command("replay")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--format", "name", required=True, type=click.Choice(formats.names()), help="How the file is written.")
@json_option
def replay(file: Path, name: str, as_json: bool) -> None:
    """Publish the history in FILE, wait until its last effect is done, and report.

    FILE is CSV, plain or compressed with gzip. Running it again changes nothing: its events have the same ids.
    """
    voice = Voice(as_json=as_json)
    report = _run(list(formats.find(name)(rows.read(file))))
    voice.answer(report.as_dict())
    if not as_json:
        show(report, voice)


def _run(events: list[Envelope]) -> Report:
    publisher = Publisher(sender_uri())
    dead = sum(gather().dead_letters.values())
    try:
        with progress_bar() as progress:
            began = time.monotonic()
            task = progress.add_task("publishing", total=len(events))
            publish(events, publisher, advance=lambda number: progress.advance(task, number))
            published = time.monotonic()
            task = progress.add_task("taking effect", total=None)
            ended = settle(observe.look, told=lambda left: progress.update(task, description=str(left)))
    finally:
        publisher.close()
    return Report(
        events=len(events),
        published_seconds=published - began,
        seconds=max(ended, published) - began,
        dead_letters=sum(gather().dead_letters.values()) - dead,
        incident=observe.ask("incident"),
        sla=observe.ask("sla"),
    )
