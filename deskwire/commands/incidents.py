"""`deskwire incidents` and `deskwire show`: what the desk holds, asked of its services."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from deskwire.console import Voice
from deskwire.options import PAGE, json_option, next_page
from deskwire.session import OPERATOR_ACTOR, rpc
from shared.errors import Invalid

OWNERS = {"INC": "incident", "REQ": "incident", "PRB": "problem", "CHG": "change", "DLV": "notify"}
COLUMNS = ("number", "priority", "state", "level", "team", "service", "title")


@click.command("incidents")
@click.option("--state", multiple=True, help="Only these states; repeatable.")
@click.option("--after", metavar="NUMBER", help="Go on after this number.")
@click.option("--limit", type=click.IntRange(1, 100), default=PAGE, show_default=True)
@json_option
def incidents(state: tuple[str, ...], after: str | None, limit: int, as_json: bool) -> None:
    """List incidents and requests by number."""
    args: dict[str, Any] = {"limit": limit}
    args |= {"state": list(state)} if state else {}
    args |= {"after": after} if after else {}
    with rpc() as client:
        page = client.call("incident", "find", {"args": args, "actor": OPERATOR_ACTOR})
    voice = Voice(as_json=as_json)
    voice.answer(page)
    if not page["records"]:
        voice.line("No incidents.")
        return
    voice.table(COLUMNS, [_row(record) for record in page["records"]])
    if page.get("next"):
        more = next_page("incidents", state=state, limit=None if limit == PAGE else limit, after=page["next"])
        voice.line(f"More: {more}")


@click.command("show")
@click.argument("number")
@json_option
def show(number: str, as_json: bool) -> None:
    """Show one record (INC, REQ, PRB or CHG) with its history, or a delivery (DLV) with its attempts."""
    owner = OWNERS.get(number[:3].upper())
    if owner is None:
        raise Invalid(f"{number} is no record's number: it starts with {', '.join(OWNERS)}.", pointer="/number")
    args: dict[str, Any] = {"history": True, "notes": True} if owner == "incident" else {}
    with rpc() as client:
        asked = number if owner == "notify" else number.upper()

        def ask(args: dict[str, Any]) -> dict[str, Any]:
            answer: dict[str, Any] = client.call(owner, "get", {"number": asked, "args": args, "actor": OPERATOR_ACTOR})
            return answer

        record = ask(args)
        for name in args:
            _read_on(ask, record, name)
    voice = Voice(as_json=as_json)
    voice.answer(record)
    history, notes = record.pop("history", []), record.pop("notes", [])
    voice.details((name, _plain(value)) for name, value in record.items() if _told(value))
    _tell_history(voice, history)
    voice.details((_plain(note.get("at")), _plain(note.get("text"))) for note in notes)


def _read_on(ask: Callable[[dict[str, Any]], dict[str, Any]], record: dict[str, Any], name: str) -> None:
    """Add the further pages of a record's history or notes; a service of before there were pages has none."""
    while (after := record.pop(f"{name}_next", None)) is not None:
        page = ask({name: True, f"{name}_after": after})
        record[name] += page[name]
        record[f"{name}_next"] = page.get(f"{name}_next")


def _tell_history(voice: Voice, history: list[Mapping[str, Any]]) -> None:
    if not history:
        return
    voice.line()
    rows = [(str(entry["at"]), str(entry["type"]), str(entry["by"]), _plain(entry.get("change"))) for entry in history]
    voice.table(("at", "event", "by", "change"), rows)


def _row(record: Mapping[str, Any]) -> list[str]:
    return [_plain(record.get(column)) for column in COLUMNS]


def _told(value: Any) -> bool:
    return value not in (None, "", [], {})


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return "  ".join(f"{key}: {_plain(part)}" for key, part in value.items() if _told(part))
    if isinstance(value, list):
        return ", ".join(_plain(part) for part in value)
    return "" if value is None else str(value)
