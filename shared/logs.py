"""JSON logs on standard error, one object a line, each with the trail of what is being handled.

`bind` puts fields on every line of the running worker, `bound` on those written within its block. A field cannot be
called `event`: under that name stands what the line says. Never log a body or a secret.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import orjson
import structlog

bind = structlog.contextvars.bind_contextvars
bound = structlog.contextvars.bound_contextvars


def configure(service: str, *, level: str = "INFO", fmt: str = "json") -> None:
    """Set up logging for the process, that of the libraries too. Call once, first."""
    shared = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _service(service),
    ]
    renderer: Any = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    if fmt == "json":
        renderer = structlog.processors.JSONRenderer(serializer=lambda event, **_: orjson.dumps(event, str).decode())
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # The libraries' chatter tells an operator nothing that the house's own lines do not.
    for noisy in ("amqp", "kombu", "pymongo", "nameko"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


def get(name: str) -> Any:
    """A logger: `log.info("event handled", event_type="incident.opened")`."""
    return structlog.get_logger(name)


def _service(name: str) -> Any:
    def add(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
        event.setdefault("service", name)
        return event

    return add
