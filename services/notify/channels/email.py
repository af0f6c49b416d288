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
from email.message import EmailMessage

from services.notify.channels.message import compose
from services.notify.domain.delivery import Delivery
from services.notify.domain.outcome import Outcome, Result, Stage, judge_smtp
from services.notify.settings import SmtpSettings
from shared.text.clusters import cut
from shared.text.lines import one_line

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
