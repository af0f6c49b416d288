"""How messages from outside are read: what is beside the point of an alert does not keep it out."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from shared.clock import format_instant
from shared.envelope import Envelope, Lane
from shared.errors import Rejected
from shared.intake import check, read
from shared.testing import make_instant

NOW = make_instant()
SAID = {"specversion": "1.0", "id": "1", "source": "/m", "type": "alert.firing", "time": "2026-03-02T08:00:00Z"}
OPTIONAL = [
    *["subject", "datacontenttype", "lane", "hops", "sequence", "correlationid", "causationid", "traceparent"],
    *["backfill", "restricted"],
]


def message(**attributes: Any) -> bytes:
    return orjson.dumps({**SAID, "data": {"dedup_key": "a"}, **attributes})


def taken(body: bytes) -> Envelope:
    envelope = read(body, NOW)
    check(envelope)
    return envelope


def fault(body: bytes) -> tuple[str, str | None]:
    with pytest.raises(Rejected) as caught:
        taken(body)
    return caught.value.slug, caught.value.pointer


@pytest.mark.parametrize("type_", ["alert.firing", "alert.resolved", "ticket.submitted", "ticket.action"])
@pytest.mark.parametrize("name", OPTIONAL)
@pytest.mark.parametrize("blank", [None, "", "  ", "\u200b"])
def test_an_optional_attribute_that_is_null_or_blank_counts_as_absent(type_: str, name: str, blank: Any) -> None:
    envelope = taken(message(type=type_, **{name: blank}))
    assert envelope == taken(message(type=type_))
    assert envelope.adjusted == {}


ODD = [
    *[("lane", "high"), ("lane", 1), ("lane", ["urgent"]), ("lane", {"a": 1})],
    *[("backfill", "false"), ("backfill", 0), ("restricted", "false"), ("restricted", 1)],
    *[("subject", 5), ("subject", ["x"]), ("datacontenttype", 5), ("datacontenttype", {"a": 1})],
    *[("hops", "x"), ("hops", 1.5), ("hops", -1), ("hops", True)],
    *[("sequence", -1), ("sequence", "0a"), ("sequence", "1" * 19), ("sequence", 2**63), ("sequence", 1.5)],
    *[("correlationid", "x" * 256), ("correlationid", 5), ("correlationid", "a\n"), ("causationid", "a\x1b[2J")],
    *[("traceparent", "a\0"), ("traceparent", []), ("causationid", False)],
]


@pytest.mark.parametrize(("name", "value"), ODD, ids=range(len(ODD)))
@pytest.mark.parametrize("type_", ["alert.firing", "alert.resolved"])
def test_an_odd_attribute_of_an_alert_counts_as_absent_and_is_told(type_: str, name: str, value: Any) -> None:
    envelope = taken(message(type=type_, **{name: value}))
    assert envelope == taken(message(type=type_))
    assert list(envelope.adjusted) == [name]


@pytest.mark.parametrize(("name", "value"), [odd for odd in ODD if odd[0] != "datacontenttype"])
def test_an_odd_attribute_of_a_ticket_is_refused_and_named(name: str, value: Any) -> None:
    assert fault(message(type="ticket.submitted", **{name: value})) == ("bad-envelope", f"/{name}")


def test_many_odd_attributes_are_all_told() -> None:
    envelope = taken(message(lane="high", subject=5, sequence="a", backfill="no", time="noon", correlationid="a\n"))
    assert envelope.adjusted == {
        "time": "noon",
        "lane": "high",
        "subject": "5",
        "sequence": "a",
        "backfill": "no",
        "correlationid": "a\\n",
    }
    assert (envelope.lane, envelope.time) == (Lane.NORMAL, NOW)


@pytest.mark.parametrize("time", [None, "", "yesterday", 1_700_000_000, "2026-03-02T09:00:00", "2026-02-30T00:00:00Z"])
def test_an_alert_without_a_time_that_can_be_read_is_said_now(time: Any) -> None:
    envelope = taken(message(time=time))
    assert (format_instant(envelope.time), list(envelope.adjusted)) == (format_instant(NOW), ["time"])
    assert fault(message(type="ticket.action", time=time)) == ("bad-envelope", "/time")


def test_an_alert_that_lacks_its_time_is_said_now() -> None:
    document = {name: value for name, value in SAID.items() if name != "time"}
    envelope = taken(orjson.dumps({**document, "data": {}}))
    assert (envelope.time, envelope.adjusted) == (NOW, {"time": None})


@pytest.mark.parametrize("hops", [9, 9.0, "9"])
def test_a_chain_that_is_too_long_is_refused_for_alerts_as_well(hops: Any) -> None:
    assert fault(message(hops=hops)) == ("hop-budget-exceeded", "/hops")


@pytest.mark.parametrize("hops", [2**53, 2**63, 1e30])
def test_so_is_one_that_nobody_can_count(hops: Any) -> None:
    assert fault(message(hops=hops))[1] == "/hops"


@pytest.mark.parametrize(
    ("name", "value"),
    [("id", ""), ("id", None), ("id", 7), ("source", "a\n"), ("source", None), ("specversion", "0.3"), ("data", [])],
)
def test_what_tells_an_alert_from_others_must_be_there(name: str, value: Any) -> None:
    assert fault(message(**{name: value})) == ("bad-envelope", f"/{name}")


@pytest.mark.parametrize("body", [b"[]", b'"alert.firing"', b"5", b'{"type": {}}', b'{"type": ["alert."]}'])
def test_what_is_no_event_is_none(body: bytes) -> None:
    assert fault(body)[0] == "bad-envelope"
