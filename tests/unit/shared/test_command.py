"""Requests: judged, run once, answered with a record or an error that names the field."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError, fields, validates_schema

from shared.cause import Actor
from shared.command import Command, Commands, idempotency_key, read_command
from shared.errors import Invalid, NotAllowed
from shared.ids import SequentialIds
from shared.store import Document
from shared.testing import MemoryStore, make_unit_of_work
from shared.unit_of_work import Work


class Line(Schema):
    text = fields.String(required=True)


class Args(Schema):
    title = fields.String(load_default="t")
    count = fields.Integer(strict=True)
    lines = fields.List(fields.Nested(Line))
    labels = fields.Dict(keys=fields.String(), values=fields.Integer(strict=True))

    @validates_schema
    def judge(self, data: Document, **_: Any) -> None:
        if data.get("title") == "forbidden":
            raise ValidationError("this title is forbidden")


def make_request(**overrides: Any) -> Document:
    actor = {"kind": "person", "id": "alice", "roles": ["agent"]}
    return {"number": "T1", "args": {}, "actor": actor, "correlationid": "c", **overrides}


def make_commands(store: MemoryStore | None = None) -> Commands:
    return Commands("thing", make_unit_of_work(store or MemoryStore()))


def count_up(work: Work, command: Command, args: Document) -> Document:
    row = work.load("counts", ["a"]).get("a", {"n": 0})
    return {
        "n": work.put("counts", "a", {"n": row["n"] + 1})["n"],
        "by": command.cause.actor.id,
        "title": args["title"],
    }


def execute(request: Any, store: MemoryStore | None = None, name: str = "count") -> Document:
    return make_commands(store).execute(name, request, Args(), count_up)


def test_a_command_answers_with_the_record_that_is_stored() -> None:
    store = MemoryStore()
    assert execute(make_request(args={"title": "x"}), store) == {"record": {"n": 1, "by": "alice", "title": "x"}}
    assert store.collections["counts"]["a"]["n"] == 1


@pytest.mark.parametrize(
    ("request_", "pointer"),
    [
        (None, "/"),
        ([], "/"),
        ("text", "/"),
        ({}, "/actor"),
        (make_request(actor=None), "/actor"),
        (make_request(actor={"kind": "person"}), "/actor/id"),
        (make_request(actor={"kind": "god", "id": "a"}), "/actor/kind"),
        (make_request(actor={"kind": "person", "id": ""}), "/actor/id"),
        (make_request(actor={"kind": "person", "id": "a", "roles": ["a", 1]}), "/actor/roles/1"),
        (make_request(number=7), "/number"),
        (make_request(number=""), "/number"),
        (make_request(args=[]), "/args"),
        (make_request(expected_version="1"), "/expected_version"),
        (make_request(idempotency_key="x" * 256), "/idempotency_key"),
        (make_request(unknown=1), "/unknown"),
        (make_request(args={"count": "1"}), "/args/count"),
        (make_request(args={"unknown": 1}), "/args/unknown"),
        (make_request(args={"lines": [{"text": "a"}, {}]}), "/args/lines/1/text"),
        (make_request(args={"lines": [{"text": "a", "more": 1}]}), "/args/lines/0/more"),
        (make_request(args={"labels": {"a": "b"}}), "/args/labels/a/value"),
        (make_request(args={"title": "forbidden"}), "/args"),
        (make_request(args={"a/b~c": 1}), "/args/a~1b~0c"),
    ],
)
def test_a_fault_is_named_by_its_pointer_and_nothing_happens(request_: Any, pointer: str) -> None:
    store = MemoryStore()
    error = execute(request_, store)["error"]
    assert (error["slug"], error["pointer"]) == ("invalid", pointer)
    assert error["message"]
    assert store.collections == {}


def test_a_refusal_of_the_rules_keeps_its_slug_and_pointer() -> None:
    def refuse(*_: Any) -> Document:
        raise NotAllowed("it is closed", slug="incident-already-closed", pointer="/number")

    answer = make_commands().execute("close", make_request(), Args(), refuse)
    assert answer == {"error": {"slug": "incident-already-closed", "message": "it is closed", "pointer": "/number"}}


def test_an_error_that_is_not_ours_is_not_turned_into_an_answer_here() -> None:
    def fail(*_: Any) -> Document:
        raise KeyError("secret")

    with pytest.raises(KeyError):
        make_commands().execute("close", make_request(), Args(), fail)


def test_a_command_repeated_with_its_key_answers_the_same_and_acts_once() -> None:
    store = MemoryStore()
    request = make_request(idempotency_key="k")
    assert execute(request, store) == execute({**request, "correlationid": "another try"}, store)
    assert store.collections["counts"]["a"]["n"] == 1


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("other", {}),
        ("count", {"args": {"title": "x"}}),
        ("count", {"number": "T2"}),
        ("count", {"expected_version": 3}),
    ],
)
def test_a_key_that_comes_with_another_request_is_refused(name: str, change: Document) -> None:
    store = MemoryStore()
    execute(make_request(idempotency_key="k"), store)
    answer = execute(make_request(idempotency_key="k", **change), store, name)
    assert answer["error"]["slug"] == "idempotency-key-reused"
    assert store.collections["counts"]["a"]["n"] == 1


def test_two_people_may_use_the_same_key() -> None:
    store = MemoryStore()
    execute(make_request(idempotency_key="k"), store)
    answer = execute(make_request(idempotency_key="k", actor={"kind": "person", "id": "bob"}), store)
    assert answer["record"]["n"] == 2


def test_a_request_without_a_trail_begins_one() -> None:
    assert read_command(make_request(correlationid=None), SequentialIds()).cause.correlationid == SequentialIds().new()
    command = read_command(make_request(traceparent="t", expected_version=2), SequentialIds())
    assert (command.cause.correlationid, command.cause.traceparent, command.expected_version) == ("c", "t", 2)
    assert command.cause.actor.roles == {"agent"}


def test_a_command_that_needs_a_number_says_so() -> None:
    with pytest.raises(Invalid) as caught:
        read_command(make_request(number=None), SequentialIds()).require_number()
    assert caught.value.pointer == "/number"


def test_a_question_writes_nothing_and_shares_the_errors() -> None:
    store = MemoryStore()
    commands = make_commands(store)
    assert commands.answer(make_request(), Args(), lambda *_: {"n": 0}) == {"record": {"n": 0}}
    assert commands.answer(make_request(args={"x": 1}), Args(), lambda *_: {})["error"]["pointer"] == "/args/x"
    assert store.collections == {}


def with_key(kind: str, actor: str, key: str) -> Document:
    return make_request(actor={"kind": kind, "id": actor}, idempotency_key=key)


def test_callers_whose_names_and_keys_run_together_have_keys_of_their_own() -> None:
    store = MemoryStore()
    callers = [("person", "u", "v:1"), ("person", "u:v", "1"), ("person", "u%3Av", "1"), ("system", "u", "v:1")]
    assert [execute(with_key(*caller), store)["record"]["n"] for caller in callers] == [1, 2, 3, 4]
    assert [execute(with_key(*caller), store)["record"]["n"] for caller in callers] == [1, 2, 3, 4]


actors = st.builds(Actor, kind=st.sampled_from(["person", "system", "service"]), id=st.text("a:%-", max_size=4))
keys = st.tuples(st.text("ab:", max_size=3), actors, st.text("a:%-", max_size=4))


@given(keys, keys)
def test_no_two_callers_share_an_idempotency_key(one: tuple[str, Actor, str], other: tuple[str, Actor, str]) -> None:
    assert (idempotency_key(*one) == idempotency_key(*other)) == (one == other)


def test_a_persons_plain_key_is_what_it_always_was() -> None:
    assert idempotency_key("incident", Actor(kind="person", id="alice"), "k:1") == "rpc:incident:alice:k:1"


@pytest.mark.parametrize("version", [2**53, 2**63, 2.0**64, -1])
def test_a_version_that_no_record_can_have_is_named(version: float) -> None:
    error = execute(make_request(expected_version=version, idempotency_key="k"))["error"]
    assert (error["slug"], error["pointer"]) == ("invalid", "/expected_version")


@pytest.mark.parametrize(
    ("actor", "pointer"),
    [
        ({"id": "\u200b"}, "/actor/id"),
        ({"id": "a\x1b[2J"}, "/actor/id"),
        ({"roles": ["agent", " "]}, "/actor/roles/1"),
        ({"organisation": "\0"}, "/actor/organisation"),
    ],
)
def test_a_caller_has_names_that_can_be_read(actor: Document, pointer: str) -> None:
    error = execute(make_request(actor={"kind": "person", "id": "a", **actor}))["error"]
    assert (error["slug"], error["pointer"]) == ("invalid", pointer)


def test_arguments_that_are_nested_too_deeply_are_named() -> None:
    deep: Any = 1
    for _ in range(300):
        deep = [deep]
    error = execute(make_request(args={"labels": deep}, idempotency_key="k"))["error"]
    assert (error["slug"], error["pointer"]) == ("bad-json", "/args/labels/0")
