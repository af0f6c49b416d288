"""`deskwire report`: an alert or a ticket, published as a foreign sender would, counted only when confirmed."""

from __future__ import annotations

from typing import Any

import click

from deskwire.console import Voice
from deskwire.options import json_option
from deskwire.session import sender_uri, user_of
from shared.clock import SystemClock
from shared.envelope import Envelope, Lane, encode
from shared.errors import Unavailable
from shared.ids import SystemIds, deterministic_id
from shared.legible import encodable
from shared.names import is_blank
from shared.publisher import Message, Outcome, Publisher
from shared.topology import INTAKE, routing_key

LANES = {"critical": Lane.URGENT, "error": Lane.NORMAL, "warning": Lane.NORMAL, "info": Lane.BULK}
SOURCE = "/deskwire/report"


class NotTaken(Unavailable):
    """The broker did not keep the event."""

    slug = "not-taken"


@click.command("report")
@click.argument("title")
@click.option("--service", help="The service that suffers.")
@click.option("--ci", help="The configuration item that is at fault.")
@click.option(
    "--severity",
    metavar="WORD",
    default="error",
    show_default=True,
    help=f"Of an alert: {', '.join(LANES)}, which set its lane, or a word of the sender's own.",
)
@click.option("--key", help="What makes two alerts the same. Made from title, service and item when absent.")
@click.option("--description", help="More about it.")
@click.option("--resolved", is_flag=True, help="The alert is over.")
@click.option("--ticket", "reference", metavar="REF", help="Submit a ticket with this external reference instead.")
@json_option
def report(title: str, as_json: bool, **options: Any) -> None:
    """Report an alert (or, with --ticket, a ticket) to the running desk."""
    event = build(title, **options)
    uri = sender_uri()
    message = message_of(event, uri)
    publisher = Publisher(uri)
    try:
        (outcome,) = publisher.publish([message])
    finally:
        publisher.close()
    if outcome is not Outcome.CONFIRMED:
        raise NotTaken(f"The broker did not keep {event.type}: {outcome.value}. `deskwire status` says more.")
    voice = Voice(as_json=as_json)
    voice.answer({"id": event.id, "type": event.type, "routing_key": message.routing_key, "outcome": outcome.value})
    voice.line(f"{event.type} {event.id} is with the broker.")


def message_of(event: Envelope, uri: str) -> Message:
    """The event as it is published at `uri`, under the name of that address's user: the broker refuses any other."""
    return Message(
        exchange=INTAKE,
        routing_key=routing_key(event.type, event.lane),
        body=encode(event),
        message_id=event.id,
        properties={"user_id": user_of(uri)},
    )


def build(
    title: str,
    *,
    service: str | None,
    ci: str | None,
    severity: str,
    key: str | None,
    description: str | None,
    resolved: bool,
    reference: str | None,
) -> Envelope:
    """The event that the options describe, happening now. The desk bends what is odd in an alert (docs/intake.md)."""
    data: dict[str, Any] = {"title": title, "service": service, "ci": ci, "description": description}
    if reference is not None:
        kind, lane = "ticket.submitted", Lane.NORMAL
        data |= {"external_ref": reference}
    else:
        word = "error" if is_blank(severity) else severity
        kind = "alert.resolved" if resolved else "alert.firing"
        lane = LANES.get(word.strip().lower(), Lane.NORMAL)
        same = key if key and not is_blank(key) else _key(title, service, ci)
        data |= {"dedup_key": same, "severity": word, "source": SOURCE}
    return Envelope(
        id=SystemIds().new(),
        source=SOURCE,
        type=kind,
        time=SystemClock().now(),
        lane=lane,
        data={name: encodable(value) for name, value in data.items() if value is not None},
    )


def _key(*parts: str | None) -> str:
    return deterministic_id(*(encodable(part or "") for part in parts))
