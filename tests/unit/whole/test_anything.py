"""Whatever a sender or a caller writes: it takes effect, or is refused at once with its reason. Nothing breaks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.retry import DeadLetter
from tests.unit.whole import nasty
from tests.unit.whole.house import SERVICES, WholeHouse

INTAKE = {
    "alert.firing": "services.incident.schemas.intake",
    "alert.resolved": "services.incident.schemas.intake",
    "ticket.submitted": "services.incident.schemas.intake",
    "ticket.action": "services.incident.schemas.intake",
    "change.deployed": "services.change.schemas",
}
SCHEMAS = {
    "incident": ("services.incident.schemas.commands",),
    "problem": ("services.problem.schemas",),
    "change": ("services.change.schemas",),
    "sla": ("services.sla.schemas", "services.sla.question_schemas"),
    "notify": ("services.notify.schemas",),
}
TIMES = [
    *["2026-03-02T08:00:00Z", "2026-03-02T08:30:00Z", "1990-01-01T00:00:00Z", "2016-12-31T23:59:60Z"],
    *["9999-12-31T23:59:59.999Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "1970-01-01T00:00:00-00:00"],
]
ACTIONS = ["assign", "accept", "wait", "note", "prioritise", "link", "resolve", "close", "open", "nothing"]
often = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])

short = st.sampled_from(["a", "b"])
data = {
    type: nasty.dictionaries(
        nasty.field_names(module),
        dedup_key=short,
        external_ref=short,
        title=short,
        severity=st.sampled_from(["critical", "warning"]),
        service=short,
        action=st.sampled_from(ACTIONS),
    )
    for type, module in INTAKE.items()
}
attributes = nasty.dictionaries(
    ["subject", "sequence", "hops", "lane", "correlationid", "causationid", "traceparent", "backfill", "restricted"],
    sequence=st.integers(1, 3) | st.integers(1, 3) | st.sampled_from(nasty.NUMBERS),
    hops=st.sampled_from([0, 1, *nasty.NUMBERS]),
    time=st.sampled_from(TIMES),
)


@st.composite
def messages(draw: st.DrawFn) -> bytes | None:
    type_ = draw(st.sampled_from(list(INTAKE)))
    envelope = {
        "specversion": "1.0",
        "id": draw(st.uuids(version=4)).hex,
        "source": "/m",
        "time": "2026-03-02T08:00:00Z",
    }
    return nasty.written({**envelope, **draw(attributes), "type": type_, "data": draw(data[type_])})


@often
@given(st.lists(messages(), min_size=1, max_size=5))
def test_a_message_is_taken_or_refused_at_once_with_a_reason_that_is_the_senders(bodies: list[bytes]) -> None:
    house = WholeHouse()
    for body in bodies:
        for verdict in house.post(body):
            assert isinstance(verdict, DeadLetter)
            assert verdict.reason not in ("handler-error", "unstorable")
    assert house.dead == []


def make_message(type: str, content: dict[str, Any], **overrides: Any) -> bytes:
    envelope = {"specversion": "1.0", "id": "1", "source": "/m", "type": type, "time": "2026-03-02T08:00:00Z"}
    body = nasty.written({**envelope, **overrides, "data": content})
    assert body is not None
    return body


TICKET = {"external_ref": "Q1", "title": "t"}
NOTED = {"external_ref": "Q1", "action": "note", "args": {"text": "t"}}


@pytest.mark.parametrize(
    ("body", "slug"),
    [
        (make_message("ticket.submitted", TICKET, sequence=2**63), "bad-envelope"),
        (make_message("ticket.submitted", TICKET, sequence=2**63 - 1), "bad-envelope"),
        (make_message("ticket.submitted", TICKET, sequence=2**53), "bad-envelope"),
        (make_message("ticket.submitted", TICKET, sequence=10**30), "bad-envelope"),
        (make_message("ticket.submitted", TICKET, hops=2**63), "bad-envelope"),
        (make_message("ticket.action", {**NOTED, "more": nasty.nest(300)}, sequence=5), "bad-json"),
        (make_message("alert.firing", {"dedup_key": "a", "labels": {"a": nasty.nest(2000)}}), "bad-json"),
        (make_message("ticket.submitted", {**TICKET, "more": "a"}).replace(b'"a"', b'"\\ud800"'), "bad-json"),
        (make_message("ticket.submitted", {**TICKET, "more": "a"}).replace(b'"a"', b"1e999"), "bad-json"),
    ],
    ids=range(9),
)
def test_what_no_store_can_keep_is_refused_at_once(body: bytes, slug: str) -> None:
    house = WholeHouse()
    assert set(house.post(body)) == {DeadLetter(slug)}
    assert house.events == []


@pytest.mark.parametrize("content", [b'"\\ud800"', b"1e999", b"NaN", b'"\xe4\t"', b"[" * 99 + b"]" * 99])
def test_an_alert_that_is_not_json_to_the_letter_opens_an_incident_that_tells_so(content: bytes) -> None:
    house = WholeHouse()
    alert = make_message("alert.firing", {"dedup_key": "a", "severity": "critical", "more": "a-value"})
    assert house.post(alert.replace(b'"a-value"', content)) == []
    assert [house.events[0].type, house.dead] == ["incident.opened", []]
    (note,) = house.events[0].data["change"]["adjusted"]
    assert (note["field"], note["why"]) == ("body", "repaired")


@pytest.mark.parametrize("sequence", [2**53 - 1, 0, "999999999999999"])
def test_the_largest_sequence_is_kept_and_counted_on(sequence: Any) -> None:
    house = WholeHouse()
    assert house.post(make_message("ticket.submitted", TICKET, sequence=sequence)) == []
    assert [event.type for event in house.events if event.source == "/incident"] == ["incident.opened"]


@pytest.mark.parametrize(
    ("service", "method", "args", "pointer"),
    [
        ("sla", "predict", {"cursor": "1 2026-13-40T99:99:99.000000+00:00"}, "/args/cursor"),
        ("sla", "predict", {"cursor": "1 ٢٠٢٦-01-01T00:00:00.000000+00:00"}, "/args/cursor"),
        ("sla", "verify", {"cursor": "2026-99-99T99:99:99.999Z INC0000001"}, "/args/cursor"),
        ("sla", "figures", {"since": "0001-01-01T00:00:00+14:00"}, "/args/since"),
        ("notify", "find", {"until": "9999-12-31T23:59:59-12:00"}, "/args/until"),
        (
            "change",
            "schedule",
            {"start_at": "2026-W10-1T09:00:00Z", "end_at": "2026-03-02T09:00:00Z"},
            "/args/start_at",
        ),
        ("incident", "open", {"title": "\u200b"}, "/args/title"),
        ("incident", "open", {"title": "t", "team": " "}, "/args/team"),
        ("problem", "open", {"title": "\xad", "service": "a"}, "/args/title"),
        ("change", "request", {"title": "t", "service": "a\x1b[2J"}, "/args/service"),
        ("incident", "find", {"limit": 2**63}, "/args/limit"),
    ],
)
def test_an_argument_that_cannot_be_is_named(
    service: str, method: str, args: dict[str, Any], pointer: str, busy: WholeHouse
) -> None:
    actor = {"kind": "person", "id": "u"}
    request = (
        {"number": "CHG0000001", "args": args, "actor": actor}
        if method == "schedule"
        else {"args": args, "actor": actor}
    )
    error = busy.call(service, method, nasty.written({"args": [request]}) or b"")["error"]
    assert (error["slug"], error["pointer"]) == ("invalid", pointer)


@pytest.fixture(scope="module")
def busy() -> WholeHouse:
    """A desk with something in every service."""
    house = WholeHouse()
    deployment = {"service": "payroll", "version": "1"}
    alert = {"dedup_key": "a", "title": "t", "severity": "critical", "service": "payroll"}
    for type_, content in (("alert.firing", alert), ("change.deployed", deployment)):
        event = {"specversion": "1.0", "id": type_, "source": "/m", "type": type_, "time": "2026-03-02T08:00:00Z"}
        assert house.post({**event, "data": content}) == []
    return house


actors = nasty.dictionaries(["kind", "id", "roles", "organisation"]).map(
    lambda given: {"kind": "person", "id": "u", "roles": ["agent"], **given}
)
bounds = dict.fromkeys(("cursor", "after", "since", "until", "at"), st.sampled_from(nasty.TEXTS))
numbers = st.sampled_from(["INC0000001", "CHG0000001", "PRB0000001", "INC0000001:resolution"])


@pytest.mark.parametrize("service", SERVICES)
def test_a_call_is_answered_with_a_record_or_an_error_that_is_the_callers(service: str, busy: WholeHouse) -> None:
    methods = busy.services[service].methods
    assert len(methods) >= 4
    names = sorted({name for module in SCHEMAS[service] for name in nasty.field_names(module)})
    arguments = nasty.dictionaries(names, limit=st.integers(1, 9), title=short, reason=short, text=short, **bounds)
    requests = st.builds(
        lambda args, actor, more, known: {"args": args, "actor": actor, **more, **known},
        arguments | arguments | nasty.values,
        actors | st.just({"kind": "person", "id": "u"}),
        nasty.dictionaries(["number", "expected_version", "idempotency_key", "correlationid", "traceparent"]),
        st.fixed_dictionaries({}, optional={"number": numbers}),
    )

    @often
    @given(st.sampled_from(methods), requests | nasty.values)
    def ask(method: str, request: Any) -> None:
        answer = busy.call(service, method, nasty.written({"args": [request], "kwargs": {}}) or b"")
        assert ("record" in answer) != ("error" in answer)

    ask()
    assert busy.dead == []
