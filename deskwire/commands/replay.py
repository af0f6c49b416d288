"""`deskwire replay FILE --format volvo`: bring another desk's history over and report what became of it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from deskwire.replay import formats, observe, rows
from deskwire.replay.publish import publish
from deskwire.replay.report import Report, show
from deskwire.replay.settle import Backlog, settle
from shared.config import Settings
from shared.envelope import Envelope
from shared.errors import DeskwireError
from shared.publisher import Publisher
from shared.rpc import RpcClient
from shared.topology import Topology, house

RELAY = "http://127.0.0.1:9708/metrics"


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--format", "name", required=True, type=click.Choice(formats.names()), help="How the file is written.")
@click.option("--relay", multiple=True, default=(RELAY,), show_default=True, help="Metrics of the relay; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Answer as one JSON object.")
def replay(file: Path, name: str, relay: tuple[str, ...], as_json: bool) -> None:
    """Publish the history in FILE, wait until its last effect is done, and report.

    Running it again changes nothing: events have the same ids each time.
    """
    console = Console(stderr=as_json)
    try:
        events = list(formats.find(name)(rows.read(file)))
        report = _run(events, Settings.load(), relay, console)
    except DeskwireError as error:
        raise click.ClickException(f"{error.message} ({error.slug})") from error
    if as_json:
        click.echo(json.dumps(report.as_dict()))
    else:
        show(report, console)


def _run(events: list[Envelope], settings: Settings, relay: tuple[str, ...], console: Console) -> Report:
    topology = house(settings.retry_ladder)
    rpc, publisher = RpcClient(settings.amqp_uri), Publisher(settings.amqp_uri)
    try:
        dead = observe.count(settings.amqp_uri, topology).dead
        with _progress(console) as progress:
            began = time.monotonic()
            task = progress.add_task("publishing", total=len(events))
            publish(events, publisher, advance=lambda number: progress.advance(task, number))
            published = time.monotonic()
            ended = _settle(settings.amqp_uri, topology, relay, progress)
        return Report(
            events=len(events),
            published_seconds=published - began,
            seconds=max(ended, published) - began,
            dead_letters=observe.count(settings.amqp_uri, topology).dead - dead,
            incident=observe.ask(rpc, "incident"),
            sla=observe.ask(rpc, "sla"),
        )
    finally:
        publisher.close()
        rpc.close()


def _settle(uri: str, topology: Topology, relay: tuple[str, ...], progress: Progress) -> float:
    task = progress.add_task("taking effect", total=None)

    def look() -> Backlog:
        return observe.backlog(observe.count(uri, topology), observe.relayed(relay))

    return settle(look, told=lambda backlog: _tell(progress, task, backlog))


def _tell(progress: Progress, task: TaskID, backlog: Backlog) -> None:
    progress.update(task, description=f"taking effect: {backlog.queued:,} queued, {backlog.unsent:,} unsent")


def _progress(console: Console) -> Progress:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console, disable=not console.is_terminal)
