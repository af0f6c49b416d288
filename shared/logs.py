"""JSON logs on standard error, one object a line, each with the trail of what is being handled.

Guarantee: whatever a field holds, the record is written, and is one line for whoever reads by lines. JSON has every
text unaltered (`shared.text.json_text`); the format for people shows what a terminal could obey as U+FFFD, and indents
the lines of a traceback, so that none of them looks like a record.

`bind` puts fields on every line of the running worker, `bound` on those written within its block. A field cannot be
called `event`: under that name stands what the line says. Never log a body or a secret.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import orjson
import structlog

from shared.text import terminal
from shared.text.json_text import as_a_line

_TRACES = ("exception", "stack")

bind = structlog.contextvars.bind_contextvars
bound = structlog.contextvars.bound_contextvars


def configure(service: str, *, level: str = "INFO", fmt: str = "json") -> None:
    """Set up logging for the process, that of the libraries too. Call once, first."""
    shared = _shared(service)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(service, fmt, colors=sys.stderr.isatty()))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # The libraries' chatter tells an operator nothing that the house's own lines do not.
    for noisy in ("amqp", "kombu", "pymongo", "nameko"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


def formatter(service: str, fmt: str, *, colors: bool = False) -> logging.Formatter:
    """What makes a line of a record: of our own and of the libraries'."""
    render: list[Any] = [structlog.processors.JSONRenderer(serializer=_json)]
    if fmt != "json":
        render = [_for_people, structlog.dev.ConsoleRenderer(colors=colors)]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared(service),
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            *render,
        ],
    )


def get(name: str) -> Any:
    """A logger: `log.info("event handled", event_type="incident.opened")`."""
    return structlog.get_logger(name)


def _shared(service: str) -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _service(service),
    ]


def _json(event: dict[str, Any], **_: Any) -> str:
    try:
        document = orjson.dumps(event, str).decode()
    except TypeError:
        # Half of a surrogate pair, an integer beyond 64 bits: orjson refuses the whole record for one of them.
        document = json.dumps(event, default=str, skipkeys=True)
    return as_a_line(document)


def _for_people(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    return {terminal.in_a_row(name): _shown(name, value) for name, value in event.items()}


def _shown(name: str, value: Any) -> Any:
    """Of values that are no text the renderer prints `repr`, which spells out what a terminal could obey."""
    if name in _TRACES:
        return "\n".join(f"    {line}" for line in terminal.harmless(str(value)).split("\n"))
    return terminal.in_a_row(str(value)) if name == "event" or isinstance(value, str) else value


def _service(name: str) -> Any:
    def add(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
        event.setdefault("service", name)
        return event

    return add
