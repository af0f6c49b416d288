"""The documents of knowledge: none beside those that every service has."""

from __future__ import annotations

from mongoengine import DynamicDocument

DOCUMENTS: tuple[type[DynamicDocument], ...] = ()
