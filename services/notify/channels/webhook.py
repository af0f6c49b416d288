"""Webhooks out, signed as Standard Webhooks say: `webhook-id`, `webhook-timestamp`, `webhook-signature`.

Guarantees: the body and the id are the same in every attempt; a name is resolved once and the connection goes to
an address that was judged; no redirect is followed and no proxy from the environment is used; an attempt ends when
its time is up, whatever the receiver sends (`shared.outbound`); what it answers is kept as its status only.
"""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from standardwebhooks import Webhook as Signer

from services.notify.domain.delivery import Delivery
from services.notify.domain.outcome import WAITING_STATUSES, Origin, Outcome, Progress, Result, judge_http
from services.notify.domain.rules import Webhook
from services.notify.settings import WebhookSettings
from shared.envelope import CONTENT_TYPE
from shared.outbound import TimeIsUp, connect, resolve
from shared.text.clusters import cut
from shared.text.lines import one_line
from shared.text.tokens import token

MAX_DETAIL = 300
PORTS = {"http": 80, "https": 443}
LONGEST_SAID = timedelta(days=3650)
NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052: an IPv4 address lies in the last 32 bits."""


class AddressRefused(Exception):
    """The settings do not let a webhook go there."""


class WebhookChannel:
    """Posts events to the webhooks in `webhooks`, by name."""

    def __init__(self, settings: WebhookSettings, webhooks: Mapping[str, Webhook]) -> None:
        self._settings = settings
        self._webhooks = webhooks
        self._tls = ssl.create_default_context()

    @property
    def longest(self) -> float:
        """Seconds in which any attempt has ended."""
        return self._settings.timeout_seconds

    def send(self, key: str, delivery: Delivery, at: datetime, progress: Progress, /) -> Result:
        """Post the event. A refused address is permanent, a network fault may pass; see `judge_http`.

        Where the request has left and no answer came, nobody knows whether it was taken: that is doubtful.
        """
        target = self._webhooks.get(delivery.recipient)
        if target is None:
            return _impossible(f"the address {delivery.recipient} is not known any more")
        body = delivery.content.body
        try:
            status, retry_after = self._post(
                urlsplit(target.url), body.encode(), headers(target, key, body, at), progress
            )
        except AddressRefused as error:
            return _impossible(str(error))
        except (http.client.HTTPException, OSError) as error:
            return progress.broken_off(cut(one_line(f"{type(error).__name__}: {error}"), MAX_DETAIL))
        asked = read_retry_after(retry_after, at) if status in WAITING_STATUSES else None
        return Result(outcome=judge_http(status), status=status, detail=f"HTTP {status}", retry_after=asked)

    def _post(
        self, url: SplitResult, body: bytes, headers: Mapping[str, str], progress: Progress
    ) -> tuple[int, str | None]:
        if url.scheme != "https" and not (url.scheme == "http" and self._settings.allow_http):
            raise AddressRefused(f"{url.scheme} is not allowed")
        ends_at = time.monotonic() + self._settings.timeout_seconds
        host, port = url.hostname or "", url.port or PORTS[url.scheme]
        addresses = resolve(host, port)
        if not self._settings.allow_private and not all(is_public(one) for one in addresses):
            raise AddressRefused(f"{host} leads to a private address")
        outbound = connect(addresses, port, ends_at - time.monotonic())
        try:
            if url.scheme == "https":
                outbound.start_tls(self._tls, host)
            connection = http.client.HTTPConnection(host, port)
            connection.default_port = PORTS[url.scheme]
            connection.sock = outbound
            target = (url.path or "/") + (f"?{url.query}" if url.query else "")
            return _exchange(connection, target, body, headers, progress)
        finally:
            outbound.close()


def _exchange(
    connection: http.client.HTTPConnection, target: str, body: bytes, headers: Mapping[str, str], progress: Progress
) -> tuple[int, str | None]:
    """The status of the final answer, and its Retry-After."""
    try:
        connection.request("POST", target, body=body, headers=dict(headers))
        progress.hand_over()
    except TimeIsUp:
        raise
    except OSError as error:
        # A receiver may answer and hang up before it has read everything (RFC 9112, section 9.5).
        try:
            return _answer(connection)
        except (http.client.HTTPException, OSError):
            raise error from None
    return _answer(connection)


def _answer(connection: http.client.HTTPConnection) -> tuple[int, str | None]:
    response = _FinalAnswer(connection.sock, method="POST")
    try:
        response.begin()
    except (http.client.HTTPException, OSError):
        # A status that has come counts, whatever becomes of the rest.
        if not isinstance(response.status, int):
            raise
    return response.status, None if response.headers is None else response.getheader("Retry-After")


class _FinalAnswer(http.client.HTTPResponse):
    """Reads past informational answers (RFC 9110, section 15.2); the library knows of one of them only."""

    def _read_status(self) -> tuple[str, int, str]:
        answer: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]
        while 100 <= answer[1] < 200:
            http.client.parse_headers(self.fp)
            answer = super()._read_status()  # type: ignore[misc]
        return answer


def _impossible(detail: str) -> Result:
    return Result(outcome=Outcome.PERMANENT, detail=detail, origin=Origin.NOBODY)


def read_retry_after(value: str | None, now: datetime) -> timedelta | None:
    """`Retry-After` in seconds or as an HTTP date in any of its three forms (RFC 9110, sections 5.6.7 and 10.2.3).

    None when it is neither, or is past. More than ten years are ten years.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:12])), LONGEST_SAID)
    try:
        at = parsedate_to_datetime(text)
        asked = (at if at.tzinfo is not None else at.replace(tzinfo=UTC)) - now
    except (TypeError, ValueError, OverflowError):
        return None
    return min(asked, LONGEST_SAID) if asked > timedelta() else None


def headers(target: Webhook, key: str, body: str, at: datetime) -> dict[str, str]:
    """The headers of one attempt. Only the timestamp, and with it the signature, differ between attempts.

    Nothing that comes from outside is in them but what the signature has made of the body.
    """
    key = token(key)
    return {
        "content-type": CONTENT_TYPE,
        "user-agent": "Deskwire",
        "webhook-id": key,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Signer(target.secret).sign(key, at, body),
    }


def is_public(address: str) -> bool:
    """Whether an address lies in the open Internet: not private, loopback, link-local, reserved or multicast.

    An IPv4 address inside an IPv6 one (mapped, 6to4, NAT64) is judged by itself.
    """
    ip = ip_address(address.partition("%")[0])
    inner = _embedded(ip)
    return ip.is_global and not ip.is_multicast if inner is None else is_public(str(inner))


def _embedded(ip: IPv4Address | IPv6Address) -> IPv4Address | None:
    if isinstance(ip, IPv4Address):
        return None
    if ip in NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour
