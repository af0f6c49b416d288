"""E-mail against a real SMTP server of this process."""

from __future__ import annotations

import socket
from typing import Any, cast

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from deploy.local.ports import free_port
from services.notify.domain.delivery import Content
from services.notify.domain.outcome import Outcome, Result
from shared.testing import make_instant
from tests.integration.notify_channels.receivers import MailServer
from tests.integration.notify_channels.sending import KEY, mail
from tests.unit.notify.factories import make_delivery


def test_a_mail_arrives_with_its_words_and_the_headers_that_keep_robots_quiet(
    mail_server: tuple[MailServer, int],
) -> None:
    server, port = mail_server
    content = Content(subject="Störung: No link", text="Über alles.\n.\nEnd.\n")
    assert mail(port, make_delivery(content=content)) == Result(outcome=Outcome.SENT, status=250)
    ((to, message),) = server.accepted
    assert to == ["network@example.org"]
    assert message["Subject"] == "Störung: No link"
    assert message.get_content().replace("\r\n", "\n") == "Über alles.\n.\nEnd.\n"
    assert message["Message-ID"] == f"<{KEY}@desk.example>"
    assert message["References"] == "<INC0000001@desk.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message["Date"].datetime == make_instant()


def test_every_attempt_sends_the_same_bytes(mail_server: tuple[MailServer, int]) -> None:
    server, port = mail_server
    mail(port)
    mail(port)
    first, second = server.bodies
    assert first == second


@pytest.mark.parametrize(
    "subject",
    [
        "a\r\nBcc: all@example.org\n\nbody",
        "=?utf-8?q?x=0ABcc:_all=40example.org=0AReply-To:_evil=40example.org=0A=0Abody?=",
    ],
)
def test_a_subject_cannot_add_a_header_or_a_recipient(mail_server: tuple[MailServer, int], subject: str) -> None:
    server, port = mail_server
    content = Content(subject=subject, text="x\n")
    assert mail(port, make_delivery(content=content, record="INC\r\nX: y>")).outcome is Outcome.SENT
    ((to, message),) = server.accepted
    assert to == ["network@example.org"]
    assert message["Bcc"] is None
    assert message["Reply-To"] is None
    assert message["Subject"] == " ".join(subject.split())
    assert message["X"] is None


@pytest.mark.parametrize(
    ("command", "answer", "outcome", "status"),
    [
        ("RCPT", "550 5.1.1 no such user", Outcome.PERMANENT, 550),
        ("RCPT", "451 4.7.1 greylisted", Outcome.RETRY, 451),
        ("DATA", "554 5.6.0 not liked", Outcome.PERMANENT, 554),
        ("DATA", "452 4.3.1 disk full", Outcome.RETRY, 452),
        ("MAIL", "553 5.7.1 sender not allowed", Outcome.RETRY, 553),
        ("QUIT", "421 4.3.2 going away", Outcome.SENT, 250),
    ],
)
def test_the_servers_answer_decides_what_comes_next(
    mail_server: tuple[MailServer, int], command: str, answer: str, outcome: Outcome, status: int
) -> None:
    server, port = mail_server
    server.refuse[command] = answer
    result = mail(port)
    assert (result.outcome, result.status) == (outcome, status)


def test_a_mail_server_that_is_away_is_tried_later() -> None:
    assert mail(free_port()).outcome is Outcome.RETRY


def test_a_mail_server_that_says_nothing_is_left_after_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        result = mail(silent.getsockname()[1], timeout_seconds=0.2)
    assert (result.outcome, "not done within 0.2 s" in result.detail) == (Outcome.RETRY, True)


def test_a_mail_server_without_the_encryption_we_ask_for_gets_nothing(mail_server: tuple[MailServer, int]) -> None:
    server, port = mail_server
    assert mail(port, starttls=True).outcome is Outcome.RETRY
    assert server.accepted == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
@pytest.mark.parametrize(
    ("password", "outcome", "status"), [("right", Outcome.SENT, 250), ("wrong", Outcome.RETRY, 535)]
)
def test_a_refused_login_is_a_fault_to_be_mended_and_shows_no_password(
    password: str, outcome: Outcome, status: int
) -> None:
    def judge(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=cast(LoginPassword, data).password == b"right", handled=False)

    controller = Controller(
        MailServer(),
        hostname="127.0.0.1",
        port=free_port(),
        authenticator=judge,
        auth_required=True,
        auth_require_tls=False,
    )
    controller.start()
    try:
        result = mail(controller.port, user="desk", password=password)
    finally:
        controller.stop()
    assert (result.outcome, result.status) == (outcome, status)
    assert password not in repr(result)


def test_an_address_that_left_the_settings_fails_for_good() -> None:
    assert mail(free_port(), make_delivery(recipient="gone")).outcome is Outcome.PERMANENT
