"""Requests: judged, run once, answered with a record or an error that names the field."""

from __future__ import annotations

from typing import Any

import pytest
from marshmallow import Schema, ValidationError, fields, validates_schema

from shared.command import Command, Commands, read_command
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
