"""What the broker's answers mean, told to a session without a broker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared.properties import lenient
from shared.publisher import Message, Outcome, _Session

Answer = Callable[["_Session", list[int]], None]


def make_message(**overrides: Any) -> Message:
    return Message(**{"exchange": "e", "routing_key": "k", "body": b"{}", "message_id": "1", **overrides})


class Wire:
    """Stands for connection and channel; the broker's answers come when they are awaited."""

    def __init__(self, answer: Answer) -> None:
        self.session: Any = _Session.__new__(_Session)
        self.session._channel = self.session._connection = self
        self.session._sent = 0
        self.session._pending = {}
        self._answer = answer

    def basic_publish(self, *_: Any, **__: Any) -> None:
        pass

    def drain_events(self, timeout: float) -> None:
        self._answer(self.session, sorted(self.session._pending))


def outcomes(answer: Answer, *messages: Message) -> list[Outcome]:
    found: list[Outcome] = Wire(answer).session.publish(messages, 1.0)
    return found


def returned(session: _Session, message: Message) -> None:
    class Returned:
        properties = {"message_id": message.message_id}  # noqa: RUF012

    session._on_return(None, message.exchange, message.routing_key, Returned)


MANY = [make_message(message_id=str(number)) for number in range(4)]


def test_one_answer_may_settle_many() -> None:
    assert outcomes(lambda session, tags: session._on_ack(tags[-1], True), *MANY) == [Outcome.CONFIRMED] * 4


def test_answers_in_any_order_reach_their_messages() -> None:
    def answer(session: _Session, tags: list[int]) -> None:
        session._on_nack(tags[2], False)
        session._on_ack(tags[3], False)
        session._on_ack(tags[1], True)

    assert outcomes(answer, *MANY) == [Outcome.CONFIRMED, Outcome.CONFIRMED, Outcome.NACKED, Outcome.CONFIRMED]


def test_many_may_be_refused_at_once() -> None:
    assert outcomes(lambda session, tags: session._on_nack(tags[-1], True), *MANY) == [Outcome.NACKED] * 4


def test_a_returned_message_is_returned_although_it_is_acknowledged_then() -> None:
    def answer(session: _Session, tags: list[int]) -> None:
        returned(session, MANY[1])
        session._on_ack(tags[-1], True)

    expected = [Outcome.CONFIRMED, Outcome.RETURNED, Outcome.CONFIRMED, Outcome.CONFIRMED]
    assert outcomes(answer, *MANY) == expected


def test_of_copies_that_are_returned_none_counts_as_confirmed() -> None:
    copies = [make_message(), make_message(), make_message(routing_key="other")]

    def answer(session: _Session, tags: list[int]) -> None:
        returned(session, copies[0])
        returned(session, copies[1])
        session._on_ack(tags[-1], True)

    assert outcomes(answer, *copies) == [Outcome.RETURNED, Outcome.RETURNED, Outcome.CONFIRMED]


def test_an_answer_to_nothing_changes_nothing() -> None:
    def answer(session: _Session, tags: list[int]) -> None:
        session._on_nack(99, False)
        session._on_ack(tags[-1], True)

    assert outcomes(answer, *MANY) == [Outcome.CONFIRMED] * 4


def test_properties_that_cannot_be_read_are_left_out_and_cost_no_message() -> None:
    def read(_buffer: Any, _offset: int) -> tuple[dict[str, Any], int]:
        raise UnicodeDecodeError("utf-8", b"st\xf6rung", 2, 3, "invalid start byte")

    assert lenient(read)(b"", 12) == ({}, 12)
    assert lenient(lambda buffer, offset: ({"message_id": "1"}, 5))(b"", 0) == ({"message_id": "1"}, 5)


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_to_send_is_settled_at_once(count: int) -> None:
    assert outcomes(lambda session, tags: session._on_ack(tags[-1], True), *MANY[:count]) == [Outcome.CONFIRMED] * count
