"""Lines that a person copies from the terminal: the same alert by our command and by any AMQP client."""

from __future__ import annotations

import json
import shlex
from datetime import datetime
from typing import Any

from shared.clock import format_instant

TITLE = "Mail does not leave the building"
SERVICE = "mail"
SEVERITY = "critical"
KEY = "mail-queue"


def report_line(program: str) -> str:
    """Reports an alert."""
    return f'{program} report "{TITLE}" --service {SERVICE} --severity {SEVERITY} --key {KEY}'


def show_line(program: str) -> str:
    """Shows the incident that it became: the first one of a fresh desk."""
    return f"{program} incidents"


def amqp_publish_line(sender_uri: str, *, at: datetime, event_id: str) -> str:
    """The same alert by amqp-publish: the contract needs no code of ours."""
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/example",
        "type": "alert.firing",
        "time": format_instant(at),
        "datacontenttype": "application/json",
        "data": {
            "dedup_key": KEY,
            "title": TITLE,
            "severity": SEVERITY,
            "source": "example",
            "service": SERVICE,
        },
    }
    body = shlex.quote(json.dumps(event, separators=(",", ":")))
    return (
        f"amqp-publish -u {shlex.quote(sender_uri)} -e itsm.intake -r alert.firing.urgent -p "
        f"-C application/cloudevents+json -b {body}"
    )
