"""`deskwire sla backtest` on a real database, with workers that read it themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import mongoengine
import pytest
from click.testing import CliRunner
from pymongo import MongoClient

from deploy.local.database import Database
from deskwire.cli import cli
from services.sla.handlers.rows import history_key
from services.sla.storage import DOCUMENTS
from shared.clock import format_instant
from shared.config import SETTINGS_FOLDER
from shared.schema import ensure, own
from shared.storage import to_document
from shared.store import Document
from tests.unit.sla.pasts import make_pasts

RECORDS = 600


@pytest.fixture
def draft(database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A database with a past in it, and a draft that halves a target."""
    prefix = f"t{uuid4().hex[:10]}_"
    for name, value in {
        "MONGODB_URI": database.uri,
        "AMQP_URI": "amqp://nobody@127.0.0.1:1/none",
        "DESKWIRE_VAR": str(tmp_path),
        "DESKWIRE_DATABASE_PREFIX": prefix,
    }.items():
        monkeypatch.setenv(name, value)
    with MongoClient[Document](database.uri, tz_aware=True) as client:
        fill(client, f"{prefix}sla", RECORDS)
        file = tmp_path / "draft.yaml"
        file.write_text((SETTINGS_FOLDER / "sla.yaml").read_text().replace("resolution: 27h", "resolution: 13h"))
        yield file
        mongoengine.disconnect("operator-sla")
        client.drop_database(f"{prefix}sla")


def fill(client: MongoClient[Document], name: str, records: int) -> None:
    """Write generated histories, and the clocks by which they are found."""
    database = client[name]
    ensure(database, own(DOCUMENTS))
    history, clocks = list[Document](), list[Document]()
    for past in make_pasts(records):
        for entry in past:
            key = history_key(entry.incident, entry.version)
            history.append({**to_document(entry), "_id": key, "key": key})
        for kind in ("resolution", "response"):
            key = f"{past[0].incident}:{kind}"
            place = f"{format_instant(past[0].at)} {key}"
            clocks.append({"_id": key, "key": key, "version": 1, "incident": past[0].incident, "place": place})
    database["history"].insert_many(history)
    database["clocks"].insert_many(clocks)


def run(draft: Path, workers: int) -> Document:
    result = CliRunner().invoke(
        cli, ["sla", "backtest", str(draft), "--workers", str(workers), "--json"], standalone_mode=False
    )
    assert result.exception is None, result.exception
    answer: Document = json.loads(result.output)
    return answer


def test_workers_find_what_one_process_finds(draft: Path) -> None:
    alone, together = run(draft, 1), run(draft, 2)
    assert together == alone
    assert alone["records"] == RECORDS
    assert {change["after"] for change in alone["changes"]} == {"breached"}
