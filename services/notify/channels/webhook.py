"""Webhooks out, signed as Standard Webhooks say: `webhook-id`, `webhook-timestamp`, `webhook-signature`.

Guarantees: the body and the id are the same in every attempt; a name is resolved once and the connection goes to
an address that was judged; no redirect is followed and no proxy from the environment is used; what the receiver
answers is kept as its status only.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Mapping, Sequence
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from standardwebhooks import Webhook as Signer

from services.notify.domain.delivery import Delivery
from services.notify.domain.outcome import Outcome, Result, judge_http
from services.notify.domain.rules import Webhook
from services.notify.settings import WebhookSettings
from shared.envelope import CONTENT_TYPE
from shared.text.clusters import cut
from shared.text.lines import one_line
from shared.text.tokens import token

MAX_DETAIL = 300
PORTS = {"http": 80, "https": 443}
NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052: an IPv4 address lies in the last 32 bits."""


class AddressRefused(Exception):
    """The settings do not let a webhook go there."""


class WebhookChannel:
    """Posts events to the webhooks in `webhooks`, by name."""

    def __init__(self, settings: WebhookSettings, webhooks: Mapping[str, Webhook]) -> None:
        self._settings = settings
        self._webhooks = webhooks

    def send(self, key: str, delivery: Delivery, at: datetime, /) -> Result:
        """Post the event. A refused address is permanent, a network fault may pass; see `judge_http`."""
        target = self._webhooks.get(delivery.recipient)
        if target is None:
            return Result(outcome=Outcome.PERMANENT, detail=f"the address {delivery.recipient} is not known any more")
        body = delivery.content.body
        try:
            status = self._post(urlsplit(target.url), body.encode(), headers(target, key, body, at))
        except AddressRefused as error:
            return Result(outcome=Outcome.PERMANENT, detail=str(error))
        except (http.client.HTTPException, OSError) as error:
            return Result(outcome=Outcome.RETRY, detail=cut(one_line(f"{type(error).__name__}: {error}"), MAX_DETAIL))
        return Result(outcome=judge_http(status), status=status, detail=f"HTTP {status}")

    def _post(self, url: SplitResult, body: bytes, headers: Mapping[str, str]) -> int:
        if url.scheme != "https" and not (url.scheme == "http" and self._settings.allow_http):
            raise AddressRefused(f"{url.scheme} is not allowed")
        host, port = url.hostname or "", url.port or PORTS[url.scheme]
        addresses = resolve(host, port)
        if not self._settings.allow_private and not all(is_public(one) for one in addresses):
            raise AddressRefused(f"{host} leads to a private address")
        connection = _Pinned(
            host, port, addresses, secure=url.scheme == "https", timeout=self._settings.timeout_seconds
        )
        try:
            target = (url.path or "/") + (f"?{url.query}" if url.query else "")
            connection.request("POST", target, body=body, headers=dict(headers))
            return connection.getresponse().status
        finally:
            connection.close()


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


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, best first. Raises OSError when it has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


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


class _Pinned(http.client.HTTPConnection):
    """A connection to addresses that are known already; the name is for the certificate and the Host header."""

    def __init__(self, host: str, port: int, addresses: Sequence[str], *, secure: bool, timeout: float) -> None:
        super().__init__(host, port, timeout=timeout)
        self.default_port = PORTS["https" if secure else "http"]
        self._addresses = addresses
        self._secure = secure

    def connect(self) -> None:
        """Connect to the first address that answers."""
        failure: OSError = OSError(f"{self.host} has no address")
        for address in self._addresses:
            try:
                self.sock = socket.create_connection((address, self.port), self.timeout)
            except OSError as error:
                failure = error
                continue
            if self._secure:
                self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)
            return
        raise failure
