"""The command `deskwire-client`: reports one event from a shell, a cron job or a pipeline.

Exit codes: 0 the broker has confirmed it; 2 a field or an argument is wrong, nothing was sent or kept; 3 it is kept
in the spool and goes later; 4 it is neither delivered nor kept; 5 (flush) events were set aside.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
import socket
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from deskwire_client.alerts import is_blank
from deskwire_client.errors import ClientError, InvalidField
from deskwire_client.event import LANES
from deskwire_client.instants import parse
from deskwire_client.lines import say
from deskwire_client.outcomes import CONFIRMED, Flushed, Receipt
from deskwire_client.reporter import Reporter
from deskwire_client.spool import SetAside

OK, WRONG, KEPT, LOST, ASIDE = 0, 2, 3, 4, 5

_TYPES = {
    "report": "alert.firing",
    "resolve": "alert.resolved",
    "ticket": "ticket.submitted",
    "deployed": "change.deployed",
}
_FIELDS: dict[str, dict[str, str]] = {
    "report": {
        "dedup_key": "what the alert is about; the same key joins the one open incident",
        "title": "one line for people",
        "severity": "critical, error, warning or info, or a word of your own (default error)",
        "ci": "configuration item at fault",
        "service": "service at fault",
        "description": "more for people",
        "url": "where to look",
    },
    "resolve": {
        "dedup_key": "the key of the alert that is over",
        "title": "one line for people",
        "ci": "configuration item",
        "service": "service",
    },
    "ticket": {
        "external_ref": "your own number of the ticket",
        "title": "one line for people",
        "description": "what is wrong or wanted",
        "kind": "incident or request",
        "requester": "who wants it: a person's id, or an e-mail address",
        "impact": "high, medium or low",
        "urgency": "high, medium or low",
        "category": "category",
        "ci": "configuration item",
        "service": "service",
        "channel": "where it came in",
        "organisation": "whose ticket it is",
        "language": "language of the text (BCP 47)",
        "team": "team that has it",
    },
    "deployed": {
        "service": "service that was deployed",
        "version": "version that runs now",
        "ci": "configuration item",
        "change": "number of the approved change",
        "pipeline": "address of the pipeline's run",
        "by": "who started it",
    },
}
_REQUIRED = {
    "report": (),
    "resolve": (),
    "ticket": ("external_ref", "title"),
    "deployed": ("version",),
}
_LENIENT = ("report", "resolve")
"""What is wrong with an argument of these is mended, since the alert is worth more."""
_HELP = {
    "report": "report an alert",
    "resolve": "report that an alert is over",
    "ticket": "submit a ticket",
    "deployed": "report a deployment",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = _parser().parse_args(arguments)
    # pika logs each failed attempt several times over; what matters is in the answer.
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    try:
        with _reporter(options) as reporter:
            outcome = reporter.flush() if options.command == "flush" else _report(reporter, options)
            aside = reporter.aside()
    except InvalidField as error:
        return _fail(options, WRONG, str(error), field=error.field)
    except ClientError as error:
        return _fail(options, LOST, str(error))
    answer = {**asdict(outcome), "set_aside": [asdict(one) for one in aside]}
    say(json.dumps(answer) if options.json else _sentence(outcome), sys.stdout)
    for one in [] if options.json else aside:
        say(f"deskwire-client: set aside, it can never be sent: {one.file}: {one.reason}", sys.stderr)
    return _code(outcome, aside)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="deskwire-client",
        description="Reports events to Deskwire.",
        epilog="Exit codes: 0 confirmed by the broker, 2 wrong input, 3 kept in the spool, 4 neither sent nor kept, "
        "5 (flush) events were set aside: somebody must look.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, fields in _FIELDS.items():
        command = commands.add_parser(name, help=_HELP[name], description=_HELP[name])
        for field, words in fields.items():
            command.add_argument("--" + field.replace("_", "-"), required=field in _REQUIRED[name], help=words)
        if name in _LENIENT:
            command.add_argument(
                "--label", action="append", default=[], metavar="NAME=VALUE", help="a label; repeatable"
            )
        lanes = None if name in _LENIENT else LANES
        command.add_argument("--lane", choices=lanes, help=f"{', '.join(LANES)} (default normal)")
        command.add_argument("--id", help="the event's id; the same id twice has one effect")
        command.add_argument("--time", help="when it happened, RFC 3339 with an offset (default now)")
        _connection(command)
    _connection(commands.add_parser("flush", help="send what is spooled", description="send what is spooled"))
    return parser


def _connection(command: argparse.ArgumentParser) -> None:
    command.add_argument("--uri", help="the broker (default: AMQP_URI, or the file that AMQP_URI_FILE names)")
    command.add_argument("--source", help="who reports (default: DESKWIRE_SOURCE, or /<host name>)")
    command.add_argument("--spool", help="folder for events that wait (default: DESKWIRE_SPOOL, or none)")
    command.add_argument("--deadline", type=float, default=10.0, help="seconds in all, retries included (default 10)")
    command.add_argument("--json", action="store_true", help="answer as one JSON object")


def _reporter(options: argparse.Namespace) -> Reporter:
    spool = _given(options.spool) or _given(os.environ.get("DESKWIRE_SPOOL"))
    if options.command == "flush" and spool is None:
        raise InvalidField("spool", "is needed: give --spool or set DESKWIRE_SPOOL")
    source = _given(options.source) or _given(os.environ.get("DESKWIRE_SOURCE")) or f"/{socket.gethostname()}"
    uri = _given(options.uri) or _uri()
    return Reporter(uri, source=_readable(source), spool=spool, deadline=options.deadline, warn=_warn)


def _given(text: str | None) -> str | None:
    """A blank argument or variable is not given: so a script passes on what it does not have."""
    return None if is_blank(text) else text


def _warn(words: str) -> None:
    say(f"deskwire-client: {words}", sys.stderr)


def _uri() -> str:
    path = _given(os.environ.get("AMQP_URI_FILE"))
    if path is None:
        return os.environ.get("AMQP_URI", "").strip()
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidField("uri", f"AMQP_URI_FILE cannot be read: {error}") from None


def _report(reporter: Reporter, options: argparse.Namespace) -> Receipt:
    data: dict[str, Any] = {name: _readable(getattr(options, name)) for name in _FIELDS[options.command]}
    if options.command == "report" and is_blank(data["severity"]):
        data["severity"] = "error"
    if getattr(options, "label", None):
        data["labels"] = dict(_label(_readable(text)) for text in options.label)
    at = _time_of_alert(options.time) if options.command in _LENIENT else _time(options.time)
    event_type = _TYPES[options.command]
    return reporter.report(event_type, data, at=at, event_id=_readable(options.id), lane=options.lane)


def _readable(text: str | None) -> Any:
    """The text as UTF-8 can say it. Bytes that are none, as of a script in another encoding, are shown as U+FFFD: they
    must not cost the alert."""
    return None if text is None else re.sub("[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", text)


def _label(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def _time_of_alert(text: str | None) -> datetime | None:
    """When it happened, or None, which is now: what cannot be read is told, and costs no alert."""
    try:
        return None if text is None or is_blank(text) else parse(text)
    except ValueError as error:
        _warn(f"time: {text!r} {error}: it counts as now")
        return None


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError as error:
        raise InvalidField("time", f"{text!r} {error}") from None


def _sentence(outcome: object) -> str:
    if isinstance(outcome, Flushed):
        rest = f", {outcome.left} left: {outcome.reason}" if outcome.left else ""
        return f"{outcome.sent} sent{rest}"
    if isinstance(outcome, Receipt):
        reason = f": {outcome.reason}" if outcome.reason else ""
        return f"{outcome.id} {outcome.status}{reason}"
    raise TypeError(outcome)


def _code(outcome: object, aside: Sequence[SetAside]) -> int:
    if isinstance(outcome, Flushed):
        return KEPT if outcome.left else ASIDE if aside else OK
    return OK if getattr(outcome, "status", None) == CONFIRMED else KEPT


def _fail(options: argparse.Namespace, code: int, message: str, field: str | None = None) -> int:
    body = {"error": message} if field is None else {"error": message, "field": field}
    say(json.dumps(body) if options.json else f"deskwire-client: {message}", sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
