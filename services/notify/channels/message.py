"""The message of a delivery as it goes to the mail server (RFC 5322)."""

from __future__ import annotations

from email.message import EmailMessage
from email.utils import format_datetime

from services.notify.domain.delivery import Delivery
from services.notify.settings import SmtpSettings
from shared.text.lines import many_lines
from shared.text.mail import AsWritten, free_text, local_part

POLICY = AsWritten()


def compose(key: str, delivery: Delivery, to: str, settings: SmtpSettings) -> EmailMessage:
    """The message of a delivery. It depends on nothing but its arguments.

    RFC 3834: `Auto-Submitted` keeps out-of-office replies and other desks from answering. `References` gathers all
    messages about one record in one thread. Subject and text are read as they are meant, whatever is in them
    (`shared.text`). The addresses come from the settings, which judge them; one that would end its header raises
    ValueError.
    """
    message = EmailMessage(policy=POLICY)
    message["From"] = settings.sender
    message["To"] = to
    message["Subject"] = free_text("Subject", delivery.content.subject)
    message["Date"] = format_datetime(delivery.planned_at)
    message["Message-ID"] = message_id(key, settings.domain)
    message["References"] = message_id(delivery.record, settings.domain)
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(many_lines(delivery.content.text))
    return message


def message_id(key: str, domain: str) -> str:
    """`<key@domain>`: the same for every attempt of a delivery."""
    return f"<{local_part(key)}@{domain}>"
