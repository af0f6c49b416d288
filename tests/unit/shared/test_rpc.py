"""Reading the answer to a call."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from shared.errors import DeskwireError, Invalid
from shared.rpc import RpcClient, read_reply
from shared.rpc_entrypoint import MOST_ANSWER_BYTES, Calls


def reply(result: Any = None, error: Any = None) -> bytes:
    return orjson.dumps({"result": result, "error": error})


@pytest.mark.parametrize(
    ("result", "record"), [({"record": {"n": 1}}, {"n": 1}), ({"record": None}, None), ([1], [1]), ("text", "text")]
)
def test_the_record_of_an_answer_is_what_the_caller_gets(result: Any, record: Any) -> None:
    assert read_reply(reply(result)) == record


def test_a_refusal_is_raised_with_its_slug_and_pointer() -> None:
    with pytest.raises(DeskwireError) as caught:
        read_reply(reply({"error": {"slug": "not-found", "message": "there is none", "pointer": "/number"}}))
    error = caught.value
    assert (error.slug, error.message, error.pointer) == ("not-found", "there is none", "/number")


@pytest.mark.parametrize("failure", [{"exc_type": "KeyError", "value": "x"}, "text", {"value": None}])
def test_a_failure_in_namekos_own_form_is_an_internal_error(failure: Any) -> None:
    with pytest.raises(DeskwireError) as caught:
        read_reply(reply(error=failure))
    assert caught.value.slug == "internal-error"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b"null", b"{}", b'{"error": null}'])
def test_what_is_no_answer_is_an_error_of_ours(body: bytes) -> None:
    with pytest.raises(DeskwireError) as caught:
        read_reply(body)
    assert caught.value.slug == "bad-reply"


def test_an_answer_that_is_too_large_says_so_instead() -> None:
    outcome, body = Calls()._written("get", "ok", {"record": {"text": "x" * MOST_ANSWER_BYTES}})
    assert outcome == "answer-too-large"
    assert orjson.loads(body)["result"]["error"]["slug"] == "answer-too-large"
    assert Calls()._written("get", "ok", {"record": {}}) == ("ok", b'{"result":{"record":{}},"error":null}')


@pytest.mark.parametrize(
    ("request_", "pointer"),
    [
        ({"number": "INC\udcff1", "args": {}}, "/number"),
        ({"number": "INC1", "args": {"limit": 5, "cursor": "\udcff"}}, "/args/cursor"),
        ({"args": {"state": ["new", "\udcff"]}}, "/args/state"),
        ({"args": {"limit": 2**70}}, "/args/limit"),
    ],
)
def test_a_request_that_json_cannot_say_is_refused_by_its_field(request_: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid, match="cannot be sent") as caught:
        RpcClient("amqp://127.0.0.1:1/").call("incident", "get", request_)
    assert caught.value.pointer == pointer
