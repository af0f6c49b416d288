"""A mail server and a webhook receiver that write down every call, and now and then answer no to a first attempt."""

from __future__ import annotations

import json
import threading
import zlib
from collections import Counter
from dataclasses import dataclass
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller

from deploy.local.ports import free_port

EVENT_MARK = "event-id:"
"""What stands before the event's id in the text of an e-mail, so that it is known whatever its Message-ID is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One message taken: its own identity (Message-ID or webhook-id) and the event and recipient it is about."""

    channel: str
    identity: str
    event: str
    recipient: str


class Calls:
    """What the sinks took. Of ten first attempts one is refused before it is taken and one after it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tries: Counter[str] = Counter()
        self.taken: list[Call] = []

    def take(self, call: Call) -> bool:
        """Write a call down; False means that the answer is no."""
        with self._lock:
            self._tries[call.identity] += 1
            share = zlib.crc32(call.identity.encode()) % 10 if self._tries[call.identity] == 1 else 9
            if share != 0:
                self.taken.append(call)
            return share > 1

    def note(self, call: Call) -> None:
        """Write down what was taken elsewhere, by a server that stood in for a sink."""
        with self._lock:
            self.taken.append(call)

    def snapshot(self) -> tuple[Call, ...]:
        """All calls so far."""
        with self._lock:
            return tuple(self.taken)


class Sinks:
    """Both servers on ports of their own."""

    def __init__(self) -> None:
        self.calls = Calls()
        self.smtp_port = free_port()
        self._smtp = Controller(_Mail(self.calls), hostname="127.0.0.1", port=self.smtp_port)
        self._http = _Server(("127.0.0.1", 0), _webhook(self.calls))
        self.http_port = int(self._http.server_address[1])

    def start(self) -> None:
        """Serve both."""
        self._smtp.start()
        threading.Thread(target=self._http.serve_forever, name="webhooks", daemon=True).start()

    def close(self) -> None:
        """Stop both."""
        self._smtp.stop()
        self._http.shutdown()
        self._http.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # As many callers at once as there are.
    request_queue_size = 128


class _Mail:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        return "250 taken" if self._calls.take(mail_call(envelope.content)) else "451 try again later"


def mail_call(content: bytes) -> Call:
    """The call that a mail is."""
    message = message_from_bytes(content)
    text = str(message.get_payload())
    return Call(
        channel="email",
        identity="".join(str(message["Message-ID"]).split()),
        event=text.partition(EVENT_MARK)[2].strip().split("\n")[0].strip(),
        recipient=str(message["To"]).partition("@")[0],
    )


def web_call(identity: str, path: str, body: bytes) -> Call:
    """The call that a webhook is."""
    return Call(channel="webhook", identity=identity, event=json.loads(body)["id"], recipient=path.strip("/"))


def read_web_call(head: list[bytes], body: bytes) -> Call:
    """The same of a request's lines."""
    named = dict(line.decode("latin-1").partition(":")[::2] for line in head[1:])
    return web_call(named["webhook-id"].strip(), head[0].split()[1].decode(), body)


def _webhook(calls: Calls) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            call = web_call(self.headers["webhook-id"], self.path, body)
            self.send_response(204 if calls.take(call) else 503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Calls are kept, not printed."""

    return Handler
