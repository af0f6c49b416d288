"""What a start of the embedded database has to read."""

from __future__ import annotations

from deploy.local.database import Database

LARGEST_LOG = 64 * 1024 * 1024


def test_the_database_keeps_its_log_in_files_that_a_start_reads_quickly(database: Database) -> None:
    sizes = [file.stat().st_size for file in (database.folder / "data").glob("WiredTigerLog.*")]
    assert sizes
    assert max(sizes) <= LARGEST_LOG
