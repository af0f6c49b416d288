"""What is asked of messages from outside, beyond being an event."""

from __future__ import annotations

from typing import Any

import pytest

from services.notify.settings_schema import SettingsSchema
from shared.envelope import MAX_HOPS, MAX_INTEGER
from shared.errors import Rejected
from shared.intake import HOUSE_HOPS, MAX_INTAKE_HOPS, check
from shared.testing import make_envelope


def fault(**overrides: Any) -> tuple[str, str | None]:
    with pytest.raises(Rejected) as caught:
        check(make_envelope(**overrides))
    return caught.value.slug, caught.value.pointer


def test_a_message_at_the_limits_is_taken() -> None:
    check(make_envelope(hops=MAX_INTAKE_HOPS, sequence=MAX_INTEGER, correlationid="c", traceparent="t"))


def test_a_message_at_the_end_of_too_long_a_chain_is_refused_outright() -> None:
    assert fault(hops=MAX_INTAKE_HOPS + 1) == ("hop-budget-exceeded", "/hops")


def test_the_limit_leaves_room_for_what_follows_and_for_telling_people() -> None:
    assert MAX_INTAKE_HOPS + HOUSE_HOPS <= SettingsSchema().fields["max_hops"].load_default < MAX_HOPS


@pytest.mark.parametrize("sequence", [MAX_INTEGER + 1, 2**63 - 1])
def test_a_sequence_must_leave_room_to_count_on(sequence: int) -> None:
    assert fault(sequence=sequence) == ("bad-envelope", "/sequence")


@pytest.mark.parametrize("name", ["id", "source", "type", "correlationid", "causationid", "traceparent"])
@pytest.mark.parametrize("text", [" ", "\u200b", "\0", "a\nb", "a\x1b[0m"])
def test_attributes_that_cannot_be_read_are_named(name: str, text: str) -> None:
    assert fault(**{name: text}) == ("bad-envelope", f"/{name}")
