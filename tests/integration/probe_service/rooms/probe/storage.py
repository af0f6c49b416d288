"""The documents of the probe."""

from __future__ import annotations

from mongoengine import DynamicDocument, IntField, StringField


class _Probe(DynamicDocument):
    id = StringField(primary_key=True)
    key = StringField()
    version = IntField()

    meta = {"abstract": True}  # noqa: RUF012


def _document(collection: str) -> type[DynamicDocument]:
    meta = {
        "collection": collection,
        "db_alias": "probe",
        "auto_create_index": False,
        "indexes": [("key", "version"), "state"],
    }
    return type(collection.capitalize(), (_Probe,), {"meta": meta})


DOCUMENTS = tuple(_document(name) for name in ("kept", "attempts", "due", "fired", "counts", "heard"))
