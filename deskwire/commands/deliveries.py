"""`deskwire deliveries` and `deskwire resend`: who was told of what, and what is to be told again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from deskwire.console import Voice
from deskwire.options import PAGE, json_option, next_page
from deskwire.session import OPERATOR_ACTOR, rpc
from shared.clock import format_instant

COLUMNS = ("number", "state", "channel", "recipient", "record", "event", "attempts", "next attempt")
FIELDS = ("number", "state", "channel", "recipient", "record", "event_type", "attempts", "next_attempt_at")
STATES = ("planned", "doubtful", "sent", "failed", "cancelled")
RESENT = ("failed", "doubtful", "sent")


@click.command("deliveries")
@click.option("--state", type=click.Choice(STATES), help="Only these.")
@click.option("--recipient", metavar="NAME", help="Only to this name of the address book.")
@click.option("--limit", type=click.IntRange(1, 200), default=PAGE, show_default=True)
@click.option("--cursor", help="Go on where an earlier list ended.")
@json_option
def deliveries(state: str | None, recipient: str | None, limit: int, cursor: str | None, as_json: bool) -> None:
    """List notifications by the time of their planning, and how they went."""
    args = _given(state=state, recipient=recipient, limit=limit, cursor=cursor)
    with rpc() as client:
        page = client.call("notify", "find", {"args": args, "actor": OPERATOR_ACTOR})
    voice = Voice(as_json=as_json)
    voice.answer(page)
    if not page["records"]:
        voice.line("No deliveries.")
        return
    voice.table(COLUMNS, [_row(record) for record in page["records"]])
    if page["next"]:
        size = None if limit == PAGE else limit
        more = next_page("deliveries", state=state, recipient=recipient, limit=size, cursor=page["next"])
        voice.line(f"More: {more}")


@click.command("resend")
@click.argument("number", required=False)
@click.option("--state", type=click.Choice(RESENT), help="All in this state, instead of one number.")
@click.option("--recipient", metavar="NAME", help="Of these, only those to this name of the address book.")
@click.option("--since", type=click.DateTime(), help="Of these, only those planned from here on (UTC).")
@json_option
def resend(number: str | None, state: str | None, recipient: str | None, since: datetime | None, as_json: bool) -> None:
    """Send one delivery again by its number, or all of a state; each keeps its Message-ID or webhook-id."""
    if (number is None) == (state is None):
        raise click.UsageError("Give a delivery's number, or --state.")
    voice = Voice(as_json=as_json)
    with rpc() as client:
        if number is not None:
            record = client.call("notify", "resend", {"number": number, "args": {}, "actor": OPERATOR_ACTOR})
            voice.answer({"resent": 1, "numbers": [record["number"]]})
            voice.line(f"{record['number']} is sent again.")
            return
        start = None if since is None else f"{since.isoformat(timespec='milliseconds')}Z"
        args = _given(state=state, recipient=recipient, since=start)
        numbers = _resend_all(client, args)
    voice.answer({"resent": len(numbers), "numbers": numbers})
    voice.line(f"{len(numbers)} deliveries are sent again." if numbers else "There are none.")


def _resend_all(client: Any, args: Mapping[str, Any]) -> list[str]:
    """Page by page; what is planned after this began is not asked for, so that it ends."""
    until = format_instant(datetime.now().astimezone())
    numbers: list[str] = []
    cursor: str | None = None
    while True:
        request = {"args": _given(**args, until=until, cursor=cursor), "actor": OPERATOR_ACTOR}
        page = client.call("notify", "resend", request)
        numbers += page["numbers"]
        cursor = page["next"]
        if cursor is None:
            return numbers


def _given(**args: Any) -> dict[str, Any]:
    return {name: value for name, value in args.items() if value is not None}


def _row(record: Mapping[str, Any]) -> list[str]:
    return ["" if record[name] is None else str(record[name]) for name in FIELDS]
