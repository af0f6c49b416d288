"""E-mail by SMTP (RFC 5321, 5322). One session for each delivery, every wait bounded by the timeout.

Guarantee: a message counts as sent once the server has answered the data with 2xx, whatever happens to the session
afterwards. The same delivery always yields the same message, byte for byte, so a copy is known by its Message-ID.
"""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from collections.abc import Mapping
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from services.notify.domain.delivery import Delivery
from services.notify.domain.outcome import Outcome, Result, Stage, judge_smtp
from services.notify.settings import SmtpSettings
from services.notify.templates import cut, one_line

MAX_DETAIL = 300


class EmailChannel:
    """Sends to the addresses in `emails`, by name."""

    def __init__(self, settings: SmtpSettings, emails: Mapping[str, str]) -> None:
        self._settings = settings
        self._emails = emails

    def send(self, key: str, delivery: Delivery, _at: datetime, /) -> Result:
        """Hand the message to the mail server. Network faults and a refused login may pass; see `judge_smtp`."""
        to = self._emails.get(delivery.recipient)
        if to is None:
            return Result(outcome=Outcome.PERMANENT, detail=f"the address {delivery.recipient} is not known any more")
        try:
            self._submit(compose(key, delivery, to, self._settings))
        except (smtplib.SMTPException, OSError) as error:
            return explain(error)
        return Result(outcome=Outcome.SENT, status=250)

    def _submit(self, message: EmailMessage) -> None:
        settings = self._settings
        session = smtplib.SMTP(
            settings.host, settings.port, local_hostname=settings.domain, timeout=settings.timeout_seconds
        )
        try:
            if settings.starttls:
                session.starttls(context=ssl.create_default_context())
            if settings.user:
                session.login(settings.user, settings.password)
            session.send_message(message)
        except BaseException:
            session.close()
            raise
        # The message is taken; a fault while saying goodbye must not send it a second time.
        with contextlib.suppress(smtplib.SMTPException, OSError):
            session.quit()
        session.close()


def compose(key: str, delivery: Delivery, to: str, settings: SmtpSettings) -> EmailMessage:
    """The message of a delivery. It depends on nothing but its arguments.

    RFC 3834: `Auto-Submitted` keeps out-of-office replies and other desks from answering. `References` gathers all
    messages about one record in one thread.
    """
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(addr_spec=header(settings.sender))
    message["To"] = Address(addr_spec=header(to))
    message["Subject"] = header(delivery.content.subject)
    message["Date"] = delivery.planned_at
    message["Message-ID"] = message_id(key, settings.domain)
    message["References"] = message_id(delivery.record, settings.domain)
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(delivery.content.text)
    return message


def message_id(key: str, domain: str) -> str:
    """`<key@domain>`: the same for every attempt of a delivery."""
    left = "".join(one if one.isascii() and (one.isalnum() or one in "-_.") else "-" for one in key)
    return f"<{left}@{domain}>"


def header(value: str) -> str:
    """A value that cannot leave its header: no line break, no control character."""
    return one_line(value)


def explain(error: smtplib.SMTPException | OSError) -> Result:
    """What an error of the session means, with the server's own words."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            code, text = next(iter(error.recipients.values()))
            return _answer(Stage.RECIPIENT, code, text)
        case smtplib.SMTPDataError():
            return _answer(Stage.DATA, error.smtp_code, error.smtp_error)
        case smtplib.SMTPSenderRefused():
            return _answer(Stage.SENDER, error.smtp_code, error.smtp_error)
        case smtplib.SMTPResponseException():
            return _answer(Stage.CONNECT, error.smtp_code, error.smtp_error)
        case _:
            return Result(outcome=Outcome.RETRY, detail=cut(one_line(f"{type(error).__name__}: {error}"), MAX_DETAIL))


def _answer(stage: Stage, code: int, text: bytes | str) -> Result:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    detail = cut(one_line(f"{stage.value}: {words}"), MAX_DETAIL)
    outcome = judge_smtp(stage, code)
    # An error that carries a 2xx would be a server's mistake; the message is not known to be taken.
    return Result(outcome=Outcome.RETRY if outcome is Outcome.SENT else outcome, status=max(code, 0), detail=detail)
