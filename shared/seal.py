"""Sealed personal fields: text that only the holder of a person's key can read, and nobody once the key is gone.

Journal and audit are kept for ever and hashed, so a person's data stands in them sealed (AES-256-GCM with a key per
person). Hashes cover the sealed form: dropping the key erases the person and breaks no chain.
"""

from __future__ import annotations

import base64
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.errors import NotFound
from shared.unit_of_work import Work

KEYS: Final = "person_keys"
_NONCE = 12
_PREFIX = "v1:"


class Seal:
    """Seals and opens within a block of the unit of work; a person's first seal makes the key in its transaction."""

    def seal(self, work: Work, person: str, text: str) -> str:
        """`v1:<base64>`; the person's id is bound in, so that a sealed field cannot be moved to another person."""
        nonce = os.urandom(_NONCE)
        box = AESGCM(self._key(work, person)).encrypt(nonce, text.encode(), person.encode())
        return _PREFIX + base64.b64encode(nonce + box).decode()

    def open(self, work: Work, person: str, sealed: str) -> str:
        """The text. Raises NotFound when the key is gone or is not the one it was sealed with."""
        row = work.load(KEYS, [person]).get(person)
        if row is None:
            raise NotFound("this person's data was erased", slug="erased")
        try:
            raw = base64.b64decode(sealed.removeprefix(_PREFIX), validate=True)
            return AESGCM(row["secret"]).decrypt(raw[:_NONCE], raw[_NONCE:], person.encode()).decode()
        except (InvalidTag, ValueError):
            raise NotFound("this text was not sealed for this person", slug="erased") from None

    def erase(self, work: Work, person: str) -> None:
        """Drop the key: what was sealed for this person is unreadable from now on, everywhere."""
        work.load(KEYS, [person])
        work.release(KEYS, person)

    def _key(self, work: Work, person: str) -> bytes:
        row = work.load(KEYS, [person]).get(person)
        if row is None:
            secret = AESGCM.generate_key(256)
            work.claim(KEYS, person, {"secret": secret})
            return secret
        return bytes(row["secret"])
