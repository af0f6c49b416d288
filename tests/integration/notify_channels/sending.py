"""Deliveries handed to the channels under test."""

from __future__ import annotations

from typing import Any

from services.notify.channels import EmailChannel, WebhookChannel
from services.notify.domain.delivery import Content, Delivery
from services.notify.domain.outcome import Progress, Result
from services.notify.domain.rules import Channel, Webhook
from services.notify.settings import SmtpSettings, WebhookSettings
from shared.clock import SystemClock
from tests.unit.notify.factories import SECRET, make_delivery

KEY = "DLV-6f9a3c1e-5d0b-5f0e-9c55-3d6b1f2a7e41"
NOW = SystemClock().now()
EMAILS = {"network": "network@example.org"}


def make_smtp(port: int, **overrides: Any) -> SmtpSettings:
    fields = {"host": "127.0.0.1", "port": port, "sender": "desk@example.org", "domain": "desk.example"}
    return SmtpSettings(**{**fields, "timeout_seconds": 2.0, **overrides})


def mail(port: int, delivery: Delivery | None = None, **overrides: Any) -> Result:
    return EmailChannel(make_smtp(port, **overrides), EMAILS).send(KEY, delivery or make_delivery(), NOW, Progress())


OPEN = WebhookSettings(allow_http=True, allow_private=True, timeout_seconds=2.0)
BODY = '{"specversion":"1.0","id":"1","data":{"title":"Störung"}}'


def post(url: str, settings: WebhookSettings = OPEN, at: Any = NOW, **overrides: Any) -> Result:
    delivery = make_delivery(
        **{"recipient": "chat", "channel": Channel.WEBHOOK, "content": Content(body=BODY), **overrides}
    )
    return WebhookChannel(settings, {"chat": Webhook(url=url, secret=SECRET)}).send(KEY, delivery, at, Progress())
