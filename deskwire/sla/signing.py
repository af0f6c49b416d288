"""The desk's signature under a page: Ed25519 (RFC 8032) over canonical JSON.

The JSON holds the explanation, the SHA-256 of the page around it and the public key, so neither what the page shows
nor what it carries can be changed. Whoever has the desk's key, or its fingerprint, can check a page without the desk.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from deploy.local.folders import find_folders
from shared.errors import Invalid, Unavailable

VARIABLE = "DESKWIRE_SLA_SIGNING_KEY_FILE"
FILE = "sla-signing-key.pem"


def key_file() -> Path:
    """Where the key is: the file that `DESKWIRE_SLA_SIGNING_KEY_FILE` names, else one in the desk's data folder."""
    chosen = os.environ.get(VARIABLE)
    return Path(chosen) if chosen else find_folders().var / FILE


def find_key(file: Path) -> Ed25519PrivateKey | None:
    """The key in a file (PEM, PKCS 8); None when there is no file. Raises Unavailable when it holds no such key."""
    try:
        key = load_pem_private_key(file.read_bytes(), password=None)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise Unavailable(f"{file} cannot be read as a key: {error}", slug="bad-key") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise Unavailable(f"{file} holds a key that is not Ed25519", slug="bad-key")
    return key


def find_or_make_key(file: Path) -> Ed25519PrivateKey:
    """The key in a file; made there, readable by the owner alone, when there is none yet."""
    key = find_key(file)
    if key is not None:
        return key
    key = Ed25519PrivateKey.generate()
    content = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(content)
    except FileExistsError:
        return find_or_make_key(file)
    except OSError as error:
        raise Unavailable(f"{file} cannot be written: {error}", slug="bad-key") from None
    return key


def public_of(key: Ed25519PrivateKey) -> bytes:
    """The 32 bytes that a page carries."""
    return key.public_key().public_bytes_raw()


def fingerprint(public: bytes) -> str:
    """What people compare: the SHA-256 of the public key in groups of four."""
    digest = hashlib.sha256(public).hexdigest()
    return " ".join(digest[place : place + 4] for place in range(0, len(digest), 4))


def sign(key: Ed25519PrivateKey, document: Mapping[str, Any], page: str) -> dict[str, Any]:
    """`{signed: {document, key, page}, signature}`; `page` is the text of the page that will carry it."""
    signed = {"document": document, "key": _text(public_of(key)), "page": digest(page)}
    return {"signed": signed, "signature": _text(key.sign(canonical(signed)))}


def verify(proof: Any, page: str) -> bytes:
    """The public key whose signature holds. Raises Invalid (`not-signed`, `altered`) when none does."""
    try:
        signed = proof["signed"]
        public, signature = (base64.b64decode(text, validate=True) for text in (signed["key"], proof["signature"]))
        Ed25519PublicKey.from_public_bytes(public).verify(signature, canonical(signed))
        stated = signed["page"]
    except InvalidSignature:
        raise Invalid("the signature does not hold: the data was altered", slug="altered") from None
    except (KeyError, TypeError, ValueError):
        raise Invalid("there is no signature on this page", slug="not-signed") from None
    if stated != digest(page):
        raise Invalid("the page around the signed data was altered", slug="altered")
    return public


def canonical(document: Any) -> bytes:
    """JSON with sorted names, no spaces, UTF-8: the same bytes for the same content."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest(page: str) -> str:
    """SHA-256 of a page's text, in hexadecimal."""
    return hashlib.sha256(page.encode()).hexdigest()


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def expected_signer(given: str | None) -> str:
    """The fingerprint that a page must have: the one given, else this desk's own.

    Raises Unavailable when none is given and this desk has no key.
    """
    if given is not None:
        return given
    key = find_key(key_file())
    if key is None:
        raise Unavailable(f"There is no key at {key_file()} to compare with; name the signer with --key.")
    return fingerprint(public_of(key))


def squeezed(text: str) -> str:
    """A fingerprint as it compares: people write it with spaces and in capitals."""
    return "".join(text.split()).lower()
