"""E-mail by SMTP (RFC 5321, 5322). One session for each delivery, every step of which ends.

Guarantees: a message counts as sent once the server has answered the data with 2xx, whatever happens to the session
afterwards; one whose answer is lost is doubtful, and never called refused. The same delivery always yields the same
message, byte for byte, so a copy is known by its Message-ID.
"""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from collections.abc import Mapping
from datetime import datetime

from services.notify.channels.email_session import EmailSession
from services.notify.channels.message import compose
from services.notify.domain.delivery import Delivery
from services.notify.domain.outcome import Origin, Outcome, Progress, Result, Stage, blame_smtp, refuse_smtp
from services.notify.settings import SmtpSettings
from shared.text.clusters import cut
from shared.text.lines import one_line

MAX_DETAIL = 300


class Refused(Exception):
    """The server answered no."""

    def __init__(self, stage: Stage, code: int, text: bytes | str) -> None:
        self.stage, self.code = stage, code
        self.words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        super().__init__(f"{stage.value}: {self.words}")


class EmailChannel:
    """Sends to the addresses in `emails`, by name."""

    def __init__(self, settings: SmtpSettings, emails: Mapping[str, str]) -> None:
        self._settings = settings
        self._emails = emails
        self._tls = ssl.create_default_context() if settings.starttls else None

    @property
    def longest(self) -> float:
        """Seconds in which any attempt has ended."""
        return self._settings.steps.longest

    def send(self, key: str, delivery: Delivery, _at: datetime, progress: Progress, /) -> Result:
        """Hand the message to the mail server. Network faults and a refused login may pass; see `refuse_smtp`."""
        to = self._emails.get(delivery.recipient)
        if to is None:
            return _impossible(f"the address {delivery.recipient} is not known any more")
        try:
            message = compose(key, delivery, to, self._settings).as_bytes()
            to.encode("ascii")
        except ValueError:
            # SMTPUTF8 (RFC 6531) is not spoken, and an address with a line end in it would be two headers.
            return _impossible(f"the address of {delivery.recipient} cannot be written")
        try:
            return self._submit(message, to, progress)
        except Refused as refused:
            return judge(refused)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            return explain(error, progress)

    def _submit(self, message: bytes, to: str, progress: Progress) -> Result:
        session = self._session()
        try:
            _accepted(Stage.SENDER, *session.mail(self._settings.sender, _options(session, message)))
            progress.named = True
            _accepted(Stage.RECIPIENT, *session.rcpt(to))
            code, text = session.hand_over(message, progress.hand_over)
            if code // 100 not in (2, 4, 5):
                raise smtplib.SMTPServerDisconnected("the answer to the message cannot be understood")
            _accepted(Stage.DATA, code, text)
            progress.answered = Result(outcome=Outcome.SENT, status=code)
        except BaseException:
            session.close()
            raise
        # The message is taken; a fault while saying goodbye must not send it a second time.
        with contextlib.suppress(smtplib.SMTPException, OSError):
            session.farewell()
        session.close()
        return progress.answered

    def _session(self) -> EmailSession:
        """A session in which the server has heard who we are."""
        settings = self._settings
        session = EmailSession(settings.host, settings.port, domain=settings.domain, steps=settings.steps)
        try:
            if self._tls is not None:
                session.secure(self._tls)
            if settings.user:
                session.login(settings.user, settings.password)
            session.ehlo_or_helo_if_needed()
        except BaseException:
            session.close()
            raise
        return session


def _impossible(detail: str) -> Result:
    return Result(outcome=Outcome.PERMANENT, detail=detail, origin=Origin.NOBODY)


def _options(session: smtplib.SMTP, message: bytes) -> list[str]:
    return [f"size={len(message)}"] if session.does_esmtp and session.has_extn("size") else []


def _accepted(stage: Stage, code: int, text: bytes) -> None:
    if not 200 <= code < 300:
        raise Refused(stage, code, text)


def judge(refused: Refused) -> Result:
    """What a refusal means, with the server's own words."""
    return Result(
        outcome=refuse_smtp(refused.stage, refused.code),
        status=max(refused.code, 0),
        detail=cut(one_line(str(refused)), MAX_DETAIL),
        origin=blame_smtp(refused.stage, refused.code),
    )


def explain(error: smtplib.SMTPException | OSError | ValueError, progress: Progress) -> Result:
    """What an error of the session means: until the server has heard of a recipient, it is the server's.

    Behind the message only an answer that was understood says no (`Refused`).
    """
    match error:
        case smtplib.SMTPDataError() if not progress.handed_over:
            return judge(Refused(Stage.DATA, error.smtp_code, error.smtp_error))
        case smtplib.SMTPResponseException() if not progress.handed_over:
            return judge(Refused(Stage.CONNECT, error.smtp_code, error.smtp_error))
        case UnicodeError():
            words = "user and password of the mail server must be ASCII"
        case _:
            words = f"{type(error).__name__}: {error}"
    return progress.broken_off(cut(one_line(words), MAX_DETAIL), Origin.SERVER)
