"""What an answer of the database means: another writer, an outage, or too much at once."""

from __future__ import annotations

import pytest
from pymongo.errors import AutoReconnect, BulkWriteError, DocumentTooLarge, DuplicateKeyError, OperationFailure

from shared.errors import Conflict, Crowded, TooLarge, Unavailable, Unstorable
from shared.mongo import translated


def meaning(error: Exception) -> type[Exception]:
    with pytest.raises(Exception) as caught, translated():
        raise error
    return caught.type


@pytest.mark.parametrize("code", [257, 313, 10334, 17280, 17419, 17420])
def test_a_transaction_or_document_that_is_too_large_is_no_outage_and_no_race(code: int) -> None:
    details = {"errorLabels": ["TransientTransactionError"]}
    assert meaning(OperationFailure("too large", code, details)) is TooLarge
    assert meaning(BulkWriteError({"writeErrors": [{"code": code, "errmsg": "too large"}]})) is TooLarge


def test_a_document_that_the_driver_does_not_send_is_too_large() -> None:
    assert meaning(DocumentTooLarge("BSON document too large")) is TooLarge


@pytest.mark.parametrize(
    "message",
    [
        "oldest pinned transaction ID rolled back for eviction",
        "Cache full",
        "transaction rolled back because of cache overflow",
        "WT_CACHE_FULL: operation would overflow cache",
    ],
)
def test_a_full_cache_asks_for_smaller_transactions(message: str) -> None:
    assert meaning(OperationFailure(message, 112, {"errorLabels": ["TransientTransactionError"]})) is Crowded
    assert meaning(OperationFailure(message, 8)) is Crowded
    assert meaning(BulkWriteError({"writeErrors": [{"code": 112, "errmsg": message}]})) is Crowded


def test_a_number_that_is_too_large_for_bson_cannot_be_stored() -> None:
    assert meaning(OverflowError("MongoDB can only handle up to 8-byte ints")) is Unstorable


def test_races_and_outages_are_what_they_were() -> None:
    assert meaning(DuplicateKeyError("there")) is Conflict
    assert meaning(OperationFailure("write conflict", 112)) is Conflict
    assert meaning(BulkWriteError({"writeErrors": [{"code": 11000, "errmsg": "dup key"}]})) is Conflict
    assert meaning(BulkWriteError({"writeErrors": [{"code": 11000, "errmsg": "dup key: cache-3"}]})) is Conflict
    assert meaning(AutoReconnect("gone")) is Unavailable
    assert meaning(OperationFailure("not primary", 10107)) is Unavailable
    assert meaning(OperationFailure("no such command", 59)) is OperationFailure
