"""Webhooks against a real HTTP server of this process."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier

from deploy.local.ports import free_port
from services.notify.channels.webhook import is_public
from services.notify.domain.outcome import Outcome, Result
from shared.testing import make_instant
from tests.integration.notify_channels.receivers import Receiver
from tests.integration.notify_channels.sending import KEY, OPEN, post
from tests.unit.notify.factories import SECRET


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


def test_a_receiver_that_is_away_is_tried_later_and_of_one_that_is_silent_nobody_knows() -> None:
    assert post(f"http://127.0.0.1:{free_port()}/").outcome is Outcome.RETRY
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        assert post(url, replace(OPEN, timeout_seconds=0.2)).outcome is Outcome.DOUBTFUL


def test_after_an_answer_that_is_no_http_nobody_knows() -> None:
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
    assert result.outcome is Outcome.DOUBTFUL


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
