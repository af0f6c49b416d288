"""Collections and indexes: made once and one after the other, before anything writes (`python -m shared.schema`).

What is there already is left as it is and costs one look. Making them beside running transactions is what the
embedded database cannot do: it waits for ever (ADR 3), and in MongoDB it would be slow and in part forbidden.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable, Mapping
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database

from shared.audit import ANCHORS
from shared.climbs import CLIMBS
from shared.config import Settings
from shared.deeds import DEAD_LETTERS
from shared.mongo import COUNTERS, LEASES, POSITIONS, translated
from shared.seal import KEYS
from shared.sessions import KEPT, SESSIONS
from shared.store import AUDIT, INBOX, JOURNAL, PARKED, Document
from shared.topology import catalogue

DAY = 24 * 60 * 60
EXPIRY = "expireAfterSeconds"

Index = tuple[tuple[tuple[str, int], ...], Mapping[str, Any]]


def _index(*fields: str, **options: Any) -> Index:
    return tuple((field, 1) for field in fields), options


def backbone(*, inbox_days: int, journal_days: int) -> dict[str, tuple[Index, ...]]:
    """The collections that every service has, with their indexes."""
    return {
        JOURNAL: (
            _index("position"),
            _index("lane", "position"),
            _index("subject"),
            _index("at", expireAfterSeconds=journal_days * DAY),
        ),
        INBOX: (_index("at", expireAfterSeconds=inbox_days * DAY),),
        CLIMBS: (_index("key", "version"), _index("at", expireAfterSeconds=inbox_days * DAY)),
        AUDIT: (_index("record"), _index("count")),
        ANCHORS: (_index("key"),),
        LEASES: (_index("key", "token"), _index("key", "version")),
        COUNTERS: (),
        POSITIONS: (_index("key", "next"),),
        PARKED: (),
        KEYS: (_index("key", "version"),),
        DEAD_LETTERS: (_index("key", "version"),),
        SESSIONS: (_index("host"), _index("at", expireAfterSeconds=int(KEPT.total_seconds()))),
    }


def own(documents: Iterable[Any]) -> dict[str, tuple[Index, ...]]:
    """The collections of a service's mongoengine documents, with their indexes."""
    return {document._get_collection_name(): tuple(_specified(document)) for document in documents}


def _specified(document: Any) -> Iterable[Index]:
    for spec in document._meta["index_specs"]:
        options = {name: value for name, value in spec.items() if name not in ("fields", "cls", "sparse")}
        yield tuple(spec["fields"]), options


def ensure(database: Database[Document], collections: Mapping[str, tuple[Index, ...]]) -> int:
    """Make what is missing, and let things expire when the settings say now; returns how much that was.

    Raises Unavailable, or Conflict to be tried again.
    """
    made = 0
    with translated():
        there = set(database.list_collection_names())
        for name, indexes in collections.items():
            if name not in there:
                database.create_collection(name)
                made += 1
            known = {tuple(index["key"]): index for index in database[name].index_information().values()}
            for keys, options in indexes:
                if keys not in known:
                    database[name].create_index(list(keys), **options)
                    made += 1
                elif known[keys].get(EXPIRY) != options.get(EXPIRY) and EXPIRY in options:
                    changed = {"keyPattern": dict(keys), EXPIRY: options[EXPIRY]}
                    database.command("collMod", name, index=changed)
                    made += 1
    return made


def missing(database: Database[Document]) -> set[str]:
    """The backbone's collections that are not there yet."""
    with translated():
        return set(backbone(inbox_days=1, journal_days=1)) - set(database.list_collection_names())


def ensure_service(service: str, settings: Settings, database: Database[Document]) -> int:
    """Make what one service lacks, and tell how much that was."""
    documents = importlib.import_module(f"services.{service}.storage").DOCUMENTS
    needed = backbone(inbox_days=settings.inbox_days, journal_days=settings.journal_days)
    return ensure(database, {**needed, **own(documents)})


def stored_services() -> list[str]:
    """The services that keep something."""
    found = importlib.util.find_spec
    return [one.service for one in catalogue() if found(f"services.{one.service}.storage") is not None]


def ensure_all(settings: Settings) -> int:
    """Make what the services lack, one after the other."""
    options: Any = {"tz_aware": True, "serverSelectionTimeoutMS": 5_000}
    with MongoClient[Document](settings.mongodb_uri, **options) as client:
        databases = {service: client[f"{settings.database_prefix}{service}"] for service in stored_services()}
        return sum(ensure_service(service, settings, database) for service, database in databases.items())


def main() -> None:
    """Make the collections and indexes of all services in the database at `MONGODB_URI`."""
    print(f"made {ensure_all(Settings.load())} collections and indexes")


if __name__ == "__main__":
    main()
