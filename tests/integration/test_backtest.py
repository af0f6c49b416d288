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
from shared.config import SETTINGS_FOLDER
from shared.store import Document
from tests.past_rows import fill
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
        fill(client, f"{prefix}sla", make_pasts(RECORDS))
        file = tmp_path / "draft.yaml"
        file.write_text((SETTINGS_FOLDER / "sla.yaml").read_text().replace("resolution: 27h", "resolution: 13h"))
        yield file
        mongoengine.disconnect("operator-sla")
        client.drop_database(f"{prefix}sla")


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
