"""A real SMTP server and a real HTTP server that keep what they are sent."""

from __future__ import annotations

import asyncio
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from aiosmtpd.smtp import SMTP, Envelope, Session


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


class LateMailServer:
    """Answers the final dot after `seconds`; `taken` holds the Message-IDs."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.taken: list[str] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        await asyncio.sleep(self.seconds)
        self.taken.append(str(message_from_bytes(cast(bytes, envelope.content))["Message-ID"]))
        return "250 taken"


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
