"""The documents of knowledge: none beside those that every service has."""

from __future__ import annotations

from shared.documents import Row

DOCUMENTS: tuple[type[Row], ...] = ()
