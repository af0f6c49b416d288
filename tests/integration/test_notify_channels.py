"""E-mail against a real SMTP server and webhooks against a real HTTP server, both of this process."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from standardwebhooks import Webhook as Verifier

from services.notify.channels import Channels, EmailChannel, WebhookChannel
from services.notify.channels.webhook import is_public
from services.notify.domain.delivery import Content, Delivery
from services.notify.domain.outcome import Outcome, Result
from services.notify.domain.rules import Channel, Webhook
from services.notify.settings import SmtpSettings, WebhookSettings
from shared.clock import SystemClock
from shared.testing import make_instant
from tests.unit.notify.factories import SECRET, make_delivery

KEY = "DLV-6f9a3c1e-5d0b-5f0e-9c55-3d6b1f2a7e41"
NOW = SystemClock().now()
EMAILS = {"network": "network@example.org"}


class MailServer:
    """Keeps what it accepts; `refuse` maps a command to the answer it gives instead."""

    def __init__(self) -> None:
        self.accepted: list[tuple[list[str], EmailMessage]] = []
        self.refuse: dict[str, str] = {}
        self.bodies: list[bytes] = []

    async def handle_MAIL(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from, envelope.mail_options = address, options
        return self.refuse.get("MAIL", "250 OK")

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        answer = self.refuse.get("RCPT", "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        answer = self.refuse.get("DATA", "250 OK")
        if answer.startswith("250"):
            body = cast(bytes, envelope.content)
            self.bodies.append(body)
            self.accepted.append((envelope.rcpt_tos, cast(EmailMessage, message_from_bytes(body, policy=default))))
        return answer

    async def handle_QUIT(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:
        return self.refuse.get("QUIT", "221 Bye")


@pytest.fixture
def mail_server() -> Iterator[tuple[MailServer, int]]:
    handler = MailServer()
    controller = Controller(handler, hostname="127.0.0.1", port=0)
    # aiosmtpd knocks at its own port to see whether it is up; port 0 is known only after it is bound.
    controller.port = free_port()
    controller.start()
    yield handler, controller.port
    controller.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def make_smtp(port: int, **overrides: Any) -> SmtpSettings:
    fields = {"host": "127.0.0.1", "port": port, "sender": "desk@example.org", "domain": "desk.example"}
    return SmtpSettings(**{**fields, "timeout_seconds": 2.0, **overrides})


def mail(port: int, delivery: Delivery | None = None, **overrides: Any) -> Result:
    return EmailChannel(make_smtp(port, **overrides), EMAILS).send(KEY, delivery or make_delivery(), NOW)


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


def test_a_subject_cannot_add_a_header_or_a_recipient(mail_server: tuple[MailServer, int]) -> None:
    server, port = mail_server
    content = Content(subject="a\r\nBcc: all@example.org\n\nbody", text="x\n")
    assert mail(port, make_delivery(content=content, record="INC\r\nX: y>")).outcome is Outcome.SENT
    ((to, message),) = server.accepted
    assert to == ["network@example.org"]
    assert message["Bcc"] is None
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
    assert (result.outcome, "timed out" in result.detail) == (Outcome.RETRY, True)


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


Received = tuple[str, dict[str, str], bytes]


class Receiver:
    """Keeps what is posted and answers with `status`."""

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.status = 204
        self.location = ""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.append((self.path, {name.lower(): v for name, v in self.headers.items()}, body))
                self.send_response(receiver.status)
                if receiver.location:
                    self.send_header("Location", receiver.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    thread = threading.Thread(target=one.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield one
    one.server.shutdown()
    thread.join()
    one.server.server_close()


OPEN = WebhookSettings(allow_http=True, allow_private=True, timeout_seconds=2.0)
BODY = '{"specversion":"1.0","id":"1","data":{"title":"Störung"}}'


def post(url: str, settings: WebhookSettings = OPEN, at: Any = NOW, **overrides: Any) -> Result:
    delivery = make_delivery(
        **{"recipient": "chat", "channel": Channel.WEBHOOK, "content": Content(body=BODY), **overrides}
    )
    return WebhookChannel(settings, {"chat": Webhook(url=url, secret=SECRET)}).send(KEY, delivery, at)


def test_a_webhook_is_signed_so_that_the_receiver_can_verify_it(receiver: Receiver) -> None:
    result = post(f"http://127.0.0.1:{receiver.port}/in?tenant=1")
    assert result == Result(outcome=Outcome.SENT, status=204, detail="HTTP 204")
    ((path, headers, body),) = receiver.requests
    assert path == "/in?tenant=1"
    assert headers["webhook-id"] == KEY
    assert headers["content-type"] == "application/cloudevents+json"
    assert headers["host"] == f"127.0.0.1:{receiver.port}"
    assert Verifier(SECRET).verify(body, headers)["data"] == {"title": "Störung"}


def test_every_attempt_posts_the_same_body_and_id(receiver: Receiver) -> None:
    url = f"http://127.0.0.1:{receiver.port}/"
    receiver.status = 503
    assert post(url).outcome is Outcome.RETRY
    receiver.status = 200
    assert post(url, at=make_instant()).outcome is Outcome.SENT
    (_, first, one), (_, second, two) = receiver.requests
    assert (first["webhook-id"], one) == (second["webhook-id"], two)
    assert first["webhook-timestamp"] != second["webhook-timestamp"]


@pytest.mark.parametrize(
    ("status", "outcome"), [(410, Outcome.PERMANENT), (400, Outcome.PERMANENT), (429, Outcome.RETRY)]
)
def test_the_receivers_status_decides_what_comes_next(receiver: Receiver, status: int, outcome: Outcome) -> None:
    receiver.status = status
    result = post(f"http://127.0.0.1:{receiver.port}/")
    assert (result.outcome, result.status) == (outcome, status)


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.status, receiver.location = 308, f"http://127.0.0.1:{receiver.port}/elsewhere"
    assert post(f"http://127.0.0.1:{receiver.port}/").outcome is Outcome.PERMANENT
    assert [path for path, _, _ in receiver.requests] == ["/"]


def test_a_private_address_is_refused_before_anything_is_sent(receiver: Receiver) -> None:
    closed = replace(OPEN, allow_private=False)
    for host in ("127.0.0.1", "localhost"):
        assert post(f"http://{host}:{receiver.port}/", closed).outcome is Outcome.PERMANENT
    assert receiver.requests == []


def test_a_name_with_one_private_address_among_public_ones_is_refused(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def two(_host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in ("127.0.0.1", "93.184.216.34")]

    monkeypatch.setattr(socket, "getaddrinfo", two)
    result = post(f"http://both.example:{receiver.port}/", replace(OPEN, allow_private=False))
    assert (result.outcome, result.detail) == (Outcome.PERMANENT, "both.example leads to a private address")
    assert receiver.requests == []


def test_http_is_refused_unless_it_is_allowed(receiver: Receiver) -> None:
    result = post(f"http://127.0.0.1:{receiver.port}/", replace(OPEN, allow_http=False))
    assert (result.outcome, result.detail) == (Outcome.PERMANENT, "http is not allowed")
    assert receiver.requests == []


def test_a_receiver_without_a_certificate_we_trust_gets_nothing(receiver: Receiver) -> None:
    assert post(f"https://127.0.0.1:{receiver.port}/").outcome is Outcome.RETRY
    assert receiver.requests == []


def test_a_receiver_that_is_away_or_silent_is_tried_later() -> None:
    assert post(f"http://127.0.0.1:{free_port()}/").outcome is Outcome.RETRY
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        assert post(url, replace(OPEN, timeout_seconds=0.2)).outcome is Outcome.RETRY


def test_an_answer_that_is_no_http_is_tried_later() -> None:
    with socket.create_server(("127.0.0.1", 0)) as odd:

        def answer() -> None:
            connection, _ = odd.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"SSH-2.0-OpenSSH\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        result = post(f"http://127.0.0.1:{odd.getsockname()[1]}/")
        thread.join()
    assert result.outcome is Outcome.RETRY


def test_a_name_that_does_not_exist_is_tried_later() -> None:
    assert post("http://nowhere.invalid/").outcome is Outcome.RETRY


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("10.0.0.1", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.216.34", True),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::5db8:d822", True),
        ("2002:7f00:1::1", False),
    ],
)
def test_only_addresses_of_the_open_internet_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_each_delivery_goes_out_on_its_own_channel(mail_server: tuple[MailServer, int], receiver: Receiver) -> None:
    server, port = mail_server
    hook = Webhook(url=f"http://127.0.0.1:{receiver.port}/", secret=SECRET)
    channels = Channels(email=EmailChannel(make_smtp(port), EMAILS), webhook=WebhookChannel(OPEN, {"chat": hook}))
    sent: Callable[[Delivery], Outcome] = lambda delivery: channels.send(KEY, delivery, NOW).outcome  # noqa: E731
    assert sent(make_delivery()) is Outcome.SENT
    assert sent(make_delivery(recipient="chat", channel=Channel.WEBHOOK, content=Content(body=BODY))) is Outcome.SENT
    assert (len(server.accepted), len(receiver.requests)) == (1, 1)
