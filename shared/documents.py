"""The shapes of what services keep: mongoengine documents that give collections and indexes, and are never saved.

What is kept goes through `shared.unit_of_work`; a document class only tells `shared.schema` what must be there.
"""

from __future__ import annotations

from typing import Any, ClassVar

from mongoengine import DynamicDocument, IntField, StringField


class Row(DynamicDocument):
    """A row that never changes. Its key stands under `_id` and again under `key`, as `shared.store` writes it."""

    id = StringField(primary_key=True)
    key = StringField()
    meta: ClassVar[dict[str, Any]] = {"abstract": True, "auto_create_index": False}


class Versioned(Row):
    """A document that is replaced by compare-and-set: found by its key, changed by key and version."""

    version = IntField()
    meta: ClassVar[dict[str, Any]] = {"abstract": True, "indexes": [("key", "version")]}
