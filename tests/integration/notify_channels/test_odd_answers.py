"""Answers that a server should not give, and what they are taken for: a yes only where a yes belongs."""

from __future__ import annotations

import pytest

from services.notify.domain.delivery import Content
from services.notify.domain.outcome import Origin, Outcome
from tests.integration.notify_channels.scripted import answering, mail_server, web_server
from tests.integration.notify_channels.sending import mail, post

LONG_LINE = b"250 " + b"x" * 10_000 + b"\r\n"


@pytest.mark.parametrize(
    "answers",
    [
        {"greeting": b"250 here\r\n"},
        {"greeting": b"220 here\r\n220 here too\r\n"},
        {"DATA": b"250 ok\r\n"},
        {"DATA": b"221 ok\r\n"},
        {"DATA": b"354 go ahead\r\n250 taken already\r\n"},
        {"MAIL": b"354 go ahead\r\n"},
        {"EHLO": b"502 what\r\n", "HELO": b"220 here\r\n", "MAIL": b"503 who are you\r\n"},
    ],
    ids=str,
)
def test_a_yes_in_the_wrong_place_is_no_yes(answers: dict[str, bytes]) -> None:
    messages: list[bytes] = []
    with answering(mail_server(answers, messages)) as port:
        result = mail(port)
    assert result.outcome is Outcome.RETRY
    assert messages == []


@pytest.mark.parametrize(
    ("final", "outcome"),
    [
        (b"250 taken\r\n", Outcome.SENT),
        (b"250-taken\r\n250 indeed\r\n", Outcome.SENT),
        (b"251 taken\r\n", Outcome.SENT),
        (b"421 going\r\n", Outcome.RETRY),
        (b"554 no\r\n", Outcome.PERMANENT),
        (b"354 more\r\n", Outcome.DOUBTFUL),
        (b"999 what\r\n", Outcome.DOUBTFUL),
        (b"+25 what\r\n", Outcome.DOUBTFUL),
        (b"what\r\n", Outcome.DOUBTFUL),
        (b"222", Outcome.DOUBTFUL),
        (b"2500 hm\r\n", Outcome.DOUBTFUL),
        (b"250x\r\n", Outcome.DOUBTFUL),
        (b"250-taken\r\n250 ind", Outcome.DOUBTFUL),
        (b"250 taken\n", Outcome.SENT),
        (b"250\r\n", Outcome.SENT),
        (LONG_LINE, Outcome.DOUBTFUL),
        (b"", Outcome.DOUBTFUL),
    ],
    ids=lambda value: str(value)[:24],
)
def test_behind_the_message_only_an_answer_that_is_understood_counts(final: bytes, outcome: Outcome) -> None:
    messages: list[bytes] = []
    with answering(mail_server({"final": final}, messages)) as port:
        result = mail(port, timeout_seconds=0.5)
    assert result.outcome is outcome
    assert len(messages) == 1


@pytest.mark.parametrize(
    ("answers", "options", "origin"),
    [
        ({"AUTH": b"250 ok\r\n"}, {"user": "desk", "password": "secret"}, Origin.SERVER),
        ({"AUTH": b"334 abc\r\n"}, {"user": "desk", "password": "secret"}, Origin.SERVER),
        ({"RCPT": b"421 closing\r\n"}, {}, Origin.SERVER),
        ({"RCPT": b""}, {"timeout_seconds": 0.3}, Origin.RECIPIENT),
        ({"AUTH": b"535 no\r\n"}, {"user": "desk", "password": "secret"}, Origin.SERVER),
        ({"AUTH": b"235 ok\r\n"}, {"user": "desk", "password": "geheim\u00fc"}, Origin.SERVER),
        ({"STAR": b"250 ok\r\n"}, {"starttls": True}, Origin.SERVER),
        ({"STAR": b"454 not now\r\n"}, {"starttls": True}, Origin.SERVER),
        ({"MAIL": b"421 busy\r\n"}, {}, Origin.SERVER),
        ({"RCPT": b"451 later\r\n"}, {}, Origin.RECIPIENT),
    ],
    ids=str,
)
def test_a_refusal_is_the_servers_until_it_has_heard_of_a_recipient(
    answers: dict[str, bytes], options: dict[str, object], origin: Origin
) -> None:
    with answering(mail_server(answers, [])) as port:
        result = mail(port, **options)
    assert (result.outcome, result.origin) == (Outcome.RETRY, origin)
    assert "secret" not in result.detail


def test_a_message_that_is_too_large_is_refused_for_good_and_is_not_the_servers_fault() -> None:
    with answering(mail_server({"MAIL": b"552 too large\r\n"}, [])) as port:
        result = mail(port)
    assert (result.outcome, result.origin) == (Outcome.PERMANENT, Origin.RECIPIENT)


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "outcome", "status"),
    [
        (b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK, Outcome.SENT, 200),
        (b"HTTP/1.1 102 Processing\r\n\r\n" * 50 + OK, Outcome.SENT, 200),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", Outcome.DOUBTFUL, 0),
        (b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 500 + b"\r\n", Outcome.SENT, 200),
        (b"HTTP/1.1 500 no\r\n" + b"X-A: b\r\n" * 500 + b"\r\n", Outcome.RETRY, 500),
        (b"HTTP/2.0 200 OK\r\n\r\n", Outcome.SENT, 200),
        (b"HTTP/1.1 99999 what\r\n\r\n", Outcome.DOUBTFUL, 0),
        (b"\r\n", Outcome.DOUBTFUL, 0),
    ],
    ids=lambda value: str(value)[:32],
)
def test_the_final_status_counts_once_it_has_come(answer: bytes, outcome: Outcome, status: int) -> None:
    with answering(web_server(answer)) as port:
        result = post(f"http://127.0.0.1:{port}/")
    assert (result.outcome, result.status) == (outcome, status)


def test_an_answer_that_comes_before_the_request_is_read_is_heard() -> None:
    answer = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    with answering(web_server(answer, reads=False)) as port:
        result = post(f"http://127.0.0.1:{port}/", content=Content(body='{"x": "' + "y" * 30_000_000 + '"}'))
    # The end of the connection may overtake the answer, which is then lost on its way.
    assert (result.outcome, result.status) in [(Outcome.PERMANENT, 413), (Outcome.RETRY, 0)]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("99999999999999999999", 10 * 365 * 86_400),
        ("Sun, 06 Nov 1994 08:49:37 GMT", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("\u0661\u0662", None),
    ],
)
def test_retry_after_is_read_as_rfc_9110_says(value: str, seconds: int | None) -> None:
    head = f"HTTP/1.1 503 no\r\nRetry-After: {value}\r\nContent-Length: 0\r\n\r\n".encode()
    with answering(web_server(head)) as port:
        result = post(f"http://127.0.0.1:{port}/")
    assert result.outcome is Outcome.RETRY
    asked = None if result.retry_after is None else result.retry_after.total_seconds()
    assert asked == seconds
