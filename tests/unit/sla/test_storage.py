"""How long history is kept."""

from __future__ import annotations

from datetime import timedelta

from services.sla import storage
from shared.schema import own


def test_history_goes_after_as_long_as_the_journal_is_kept() -> None:
    indexes = own(storage.DOCUMENTS)[storage.HISTORY]
    assert ((("stored_at", 1),), {"expireAfterSeconds": timedelta(days=400).total_seconds()}) in indexes
