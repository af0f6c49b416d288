"""One SMTP session in which every step has its own end (RFC 5321, section 4.5.3.2), over `shared.outbound`."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Callable
from typing import Any

from services.notify.domain.smtp_steps import SmtpSteps
from shared.outbound import OutboundSocket, connect, resolve

FAREWELL = SmtpSteps.all(5.0)
GO_AHEAD = 354
LONGEST_LINE = 8192
_REPLY_LINE = re.compile(rb"(?P<code>[0-9]{3})(?:(?P<more>[ -])(?P<text>[^\r\n]*))?\r?\n")
_LINE_WITH_DOT = re.compile(rb"^\.", re.MULTILINE)


class EmailSession(smtplib.SMTP):
    """`smtplib`'s session, whose waits are those of `steps`. Raises as `smtplib` does, TimeIsUp within its errors."""

    def __init__(self, host: str, port: int, *, domain: str, steps: SmtpSteps) -> None:
        self._steps = steps
        self._received = b""
        super().__init__(host, port, local_hostname=domain, timeout=steps.greeting)

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        return connect(resolve(host, port), port, timeout)

    def putcmd(self, cmd: str, args: str = "") -> None:
        """Send a command; its answer has from now on the time of its kind."""
        self._allow(self._steps.data if cmd == "data" else self._steps.command)
        super().putcmd(cmd, args)

    def getreply(self) -> tuple[int, bytes]:
        """An answer (RFC 5321, section 4.2): lines of three digits and text, each with its end.

        The library takes the beginning of a line for an answer when the connection ends behind it. Here the code is
        -1 for what is no answer, and what is cut off raises SMTPServerDisconnected.
        """
        texts: list[bytes] = []
        while True:
            line = self._line()
            found = _REPLY_LINE.fullmatch(line)
            if found is None:
                return -1, line[:LONGEST_LINE]
            texts.append((found["text"] or b"").strip())
            if found["more"] != b"-":
                return int(found["code"]), b"\n".join(texts)

    def _line(self) -> bytes:
        while b"\n" not in self._received:
            if len(self._received) > LONGEST_LINE:
                raise self._ended("a line is too long")
            piece = self._piece()
            if not piece:
                raise self._ended("the connection ended")
            self._received += piece
        line, end, self._received = self._received.partition(b"\n")
        if len(line) > LONGEST_LINE:
            raise self._ended("a line is too long")
        return line + end

    def _piece(self) -> bytes:
        connection: Any = self.sock
        if connection is None:
            raise smtplib.SMTPServerDisconnected("there is no connection")
        try:
            piece: bytes = connection.recv(LONGEST_LINE)
        except OSError as error:
            raise self._ended(str(error)) from error
        return piece

    def _ended(self, why: str) -> smtplib.SMTPServerDisconnected:
        self.close()
        return smtplib.SMTPServerDisconnected(why)

    def hand_over(self, message: bytes, handed_over: Callable[[], None]) -> tuple[int, bytes]:
        """Send the message, with CRLF line ends, and give the server's answer to it.

        `handed_over` is called when all of it has left, the final dot included: from there on an error does not say
        that the server has not taken it. Raises SMTPDataError when the server does not want it at all.
        """
        code, text = self.docmd("data")
        if code != GO_AHEAD:
            raise smtplib.SMTPDataError(code, text)
        if self._received:
            # It would be taken for the answer to a message that has not left.
            raise self._ended("the server answered before it was told anything")
        self._allow(self._steps.block)
        end = b".\r\n" if message.endswith(b"\r\n") else b"\r\n.\r\n"
        self.send(_LINE_WITH_DOT.sub(b"..", message) + end)
        handed_over()
        self._allow(self._steps.final)
        return self.getreply()

    def secure(self, context: ssl.SSLContext) -> None:
        """STARTTLS (RFC 3207); what the server said before is forgotten."""
        over: Any = _OverOutbound(context)
        self.starttls(context=over)
        self._received = b""

    def farewell(self) -> None:
        """Say goodbye, for a moment at most."""
        self._steps = FAREWELL
        self.quit()

    def _allow(self, seconds: float) -> None:
        if self.sock is not None:
            self.sock.allow(seconds)  # type: ignore[attr-defined]


class _OverOutbound:
    """What `smtplib` asks of an SSL context, over a socket that has TLS of its own."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context

    def wrap_socket(self, sock: OutboundSocket, *, server_hostname: str) -> OutboundSocket:
        sock.start_tls(self._context, server_hostname)
        return sock
