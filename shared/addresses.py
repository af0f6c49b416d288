"""Addresses as they go on the wire: hosts, e-mail addresses, addresses of the web. What cannot be sent to is refused.

Names of hosts in other scripts are encoded (IDNA 2008 with the mapping of UTS 46); the other parts are ASCII.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit, urlunsplit

import idna

LONGEST_HOST = 253
LONGEST_LABEL = 63
"""RFC 1035, section 2.3.4: what is left of 255 bytes in text."""
LONGEST_LOCAL_PART = 64
LONGEST_ADDRESS = 254
"""RFC 5321, sections 4.5.3.1.1 and 4.5.3.1.3: a path has 256 characters with its angle brackets."""
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_DOT_ATOM = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SCOPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?")


def host_name(text: str, *, underscores: bool = False) -> str:
    """The name of a host in ASCII (RFC 1123, section 2.1). Raises ValueError that says what is wrong.

    `underscores` are no part of the standard; where names are looked up and not mailed to, some networks have them.
    """
    name = text if text.isascii() else _encoded(text)
    labels = name.split(".")
    if len(name) > LONGEST_HOST:
        raise ValueError(f"the host has {len(name)} characters, {LONGEST_HOST} are allowed")
    for label in labels:
        if len(label) > LONGEST_LABEL:
            raise ValueError(f"the host has a part of {len(label)} characters, {LONGEST_LABEL} are allowed")
        if not _LABEL.fullmatch(label) or ("_" in label and not underscores):
            raise ValueError("the host must be names of letters, digits and hyphens with dots between them")
        if label.lower().startswith("xn--"):
            _decoded(label)
    # No top-level domain is a number (RFC 3696, section 2), and resolvers take such a host for an IPv4 address.
    if _NUMBER.fullmatch(labels[-1]):
        raise ValueError("the host must not end in a number")
    return name


def server(text: str) -> str:
    """The name or the IP address of a server; a dot behind a name keeps it from being completed (RFC 1034, 3.1).

    An address of one link has its interface behind it: `fe80::1%eth0` (RFC 4007, section 11). Raises ValueError that
    says what is wrong.
    """
    address, percent, scope = text.partition("%")
    ip = _ip(address)
    if ip is not None and not percent:
        return str(ip)
    if ip is not None and ip.version == 6 and _SCOPE.fullmatch(scope):
        return f"{ip}%{scope}"
    dot = "." if text.endswith(".") else ""
    return host_name(text.removesuffix("."), underscores=True) + dot


def email_address(text: str) -> str:
    """One bare e-mail address (RFC 5321, Mailbox) with its domain in ASCII. Raises ValueError that says what is wrong.

    The part before the @ is a dot-atom: quoted ones are taken by few servers, and ones outside of ASCII need SMTPUTF8
    (RFC 6531), which is not spoken here.
    """
    local, at, domain = text.rpartition("@")
    if not at or not local:
        raise ValueError("is no e-mail address: it needs a name, an @ and a domain")
    if not local.isascii():
        raise ValueError("must be ASCII before the @: addresses in other scripts (SMTPUTF8, RFC 6531) are not sent to")
    if not _DOT_ATOM.fullmatch(local):
        raise ValueError("must be letters, digits and !#$%&'*+-/=?^_`{|}~ before the @, with single dots between them")
    if len(local) > LONGEST_LOCAL_PART:
        raise ValueError(f"has {len(local)} characters before the @, {LONGEST_LOCAL_PART} are allowed")
    address = f"{local}@{_literal(domain) or host_name(domain)}"
    if len(address) > LONGEST_ADDRESS:
        raise ValueError(f"has {len(address)} characters, {LONGEST_ADDRESS} are allowed")
    return address


def web_address(text: str) -> str:
    """An absolute http or https address (RFC 3986) with its host in ASCII. Raises ValueError that says what is wrong.

    It holds no user and no password, which would be told to whoever sees the settings.
    """
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("is no http or https address")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must hold no user and no password")
    if parts.port == 0 or parts.netloc.endswith(":"):
        raise ValueError("has no port after its colon")
    rest = f"{parts.path}{parts.query}{parts.fragment}"
    unwritten = set(text) & set(' "<>\\^`{|}') or set(parts.path) & set("[]") or _ESCAPE.search(rest)
    if not rest.isascii() or not text.isprintable() or unwritten:
        raise ValueError("must be written percent-encoded behind its host (RFC 3986, section 2.1)")
    ip = _ip(parts.hostname)
    if "%" in parts.hostname or ("[" in parts.netloc and (ip is None or ip.version != 6)):
        raise ValueError("must hold an IPv6 address between its brackets, without an interface")
    host = server(parts.hostname)
    place = f"[{host}]" if ":" in host else host
    port = "" if parts.port is None else f":{parts.port}"
    return urlunsplit((parts.scheme, f"{place}{port}", parts.path, parts.query, parts.fragment))


def _encoded(text: str) -> str:
    try:
        return idna.encode(text, uts46=True).decode()
    except (idna.IDNAError, UnicodeError) as error:
        raise ValueError(f"the host cannot be encoded (IDNA): {error}") from None


def _decoded(label: str) -> None:
    try:
        idna.ulabel(label)
    except (idna.IDNAError, UnicodeError) as error:
        raise ValueError(f"the host is encoded wrongly (IDNA): {error}") from None


def _literal(domain: str) -> str | None:
    """An address literal (RFC 5321, section 4.1.3): `[192.0.2.1]`, `[IPv6:2001:db8::1]`."""
    if not (domain.startswith("[") and domain.endswith("]")):
        return None
    inner = domain[1:-1]
    six = inner[5:] if inner[:5].lower() == "ipv6:" else None
    ip = _ip(inner if six is None else six)
    if ip is None or (ip.version == 6) != (six is not None):
        raise ValueError("holds no IP address between its brackets")
    return domain


def _ip(text: str) -> IPv4Address | IPv6Address | None:
    """The address without an interface, whose name Python would take whatever it is."""
    try:
        return None if "%" in text else ip_address(text)
    except ValueError:
        return None
