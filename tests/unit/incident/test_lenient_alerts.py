"""What a monitor sends at three at night becomes an incident, and what was bent to take it can be seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.incident.domain.alerts import fingerprint
from services.incident.domain.record import Incident, Priority, State
from shared.envelope import Envelope
from shared.intake import read
from shared.testing import make_envelope
from tests.unit.incident.factories import LATER, NOW, House, make_alert

LONG = "x" * 40_000


def raw(fires: bool = True, /, **data: Any) -> Envelope:
    """A message of a monitor with these fields and no others."""
    return make_envelope(id="1", type="alert.firing" if fires else "alert.resolved", time=NOW, data=data)


def taken(envelope: Envelope) -> House:
    house = House()
    result = house.tell(envelope)
    assert not result.rejected, result.rejected
    return house


def only(house: House) -> Incident:
    (incident,) = house.incidents().values()
    return incident


def details(house: House) -> dict[str, Any]:
    (row,) = house.rows("alerts").values()
    found: dict[str, Any] = row["details"]
    return found


def adjusted(house: House) -> dict[str, dict[str, Any]]:
    """What was bent, by field, as the opened event tells it; the alert's details tell the same."""
    told = house.events()[0].data["change"].get("adjusted", [])
    assert details(house)["adjusted"] == told
    return {one["field"]: one for one in told}


@pytest.mark.parametrize(
    ("word", "priority"),
    [
        ("CRITICAL", Priority.P1),
        (" Critical ", Priority.P1),
        ("crit", Priority.P1),
        ("FATAL", Priority.P1),
        ("emerg", Priority.P1),
        ("Disaster", Priority.P1),
        ("P1", Priority.P1),
        ("SEV-1", Priority.P1),
        ("Sev0", Priority.P1),
        ("page", Priority.P1),
        ("DOWN", Priority.P1),
        ("ALARM", Priority.P1),
        ("high", Priority.P2),
        ("Major", Priority.P2),
        ("err", Priority.P2),
        ("p2", Priority.P2),
        ("Average", Priority.P3),
        ("WARN", Priority.P3),
        ("minor", Priority.P3),
        ("UNKNOWN", Priority.P3),
        ("INSUFFICIENT_DATA", Priority.P3),
        ("ok", Priority.P4),
        ("Informational", Priority.P4),
        ("Not classified", Priority.P4),
        ("debug", Priority.P4),
        ("notice", Priority.P4),
    ],
)
def test_the_words_of_many_monitors_are_known_in_any_case(word: str, priority: Priority) -> None:
    house = taken(make_alert("1", severity=word))
    assert only(house).priority is priority
    assert adjusted(house) == {}
    assert details(house)["severity_word"] == word


@pytest.mark.parametrize("word", ["rather bad", "критично", "x" * 5000, 7, 2.5, True, ["so"], {"a": 1}, "-"])
def test_an_unknown_severity_counts_as_the_default_and_the_word_is_kept(word: Any) -> None:
    house = taken(make_alert("1", severity=word))
    assert only(house).priority is Priority.P3
    note = adjusted(house)["severity"]
    assert note["why"] == "unknown-word"
    assert str(note["said"])[:10] == (word if isinstance(word, str) else orjson.dumps(word).decode())[:10]
    assert len(note["said"]) <= 255


@pytest.mark.parametrize("word", [None, "", "   "])
def test_no_severity_is_the_default_and_nothing_is_bent(word: Any) -> None:
    house = taken(make_alert("1", severity=word))
    assert only(house).priority is Priority.P3
    assert adjusted(house) == {}


@pytest.mark.parametrize("field", ["ci", "service", "organisation", "source", "description", "url"])
@pytest.mark.parametrize("blank", [None, "", "  ", "\u200b", "\x00"])
def test_a_blank_field_counts_as_absent(field: str, blank: Any) -> None:
    house = taken(make_alert("1", **{field: blank}))
    assert getattr(only(house), field, None) is None
    assert adjusted(house) == {}


@pytest.mark.parametrize("field", ["ci", "service", "organisation"])
def test_a_number_becomes_text(field: str) -> None:
    house = taken(make_alert("1", **{field: 4711}))
    assert getattr(only(house), field) == "4711"
    assert adjusted(house)[field]["why"] == "as-text"


@pytest.mark.parametrize("field", ["ci", "service", "organisation", "source", "url"])
@pytest.mark.parametrize("value", [{"name": "db1"}, ["db1"]])
def test_what_is_no_text_and_cannot_be_made_one_counts_as_absent(field: str, value: Any) -> None:
    house = taken(make_alert("1", **{field: value}))
    assert getattr(only(house), field, None) is None
    assert adjusted(house)[field]["why"] == "not-taken"


@pytest.mark.parametrize(
    ("field", "longest"),
    [("title", 1000), ("ci", 255), ("service", 255), ("organisation", 255), ("description", 32_000)],
)
def test_a_text_that_is_too_long_is_cut_with_a_mark(field: str, longest: int) -> None:
    house = taken(make_alert("1", **{field: LONG}))
    text = getattr(only(house), field)
    assert (len(text), text[-1], text[:-1]) == (longest, "…", "x" * (longest - 1))
    assert adjusted(house)[field] == {"field": field, "why": "cut", "count": 40_000 - longest + 1}


def test_an_objects_words_are_kept_as_text_where_people_read_them() -> None:
    house = taken(make_alert("1", title=17, description={"disk": "97 %"}))
    assert (only(house).title, only(house).description) == ("17", '{"disk":"97 %"}')
    assert {name: note["why"] for name, note in adjusted(house).items()} == {
        "title": "as-text",
        "description": "as-text",
    }


@pytest.mark.parametrize(
    ("labels", "kept", "left_out"),
    [
        ({"": "x", "a": "b"}, {"a": "b"}, 1),
        ({f"l{number}": "v" for number in range(70)}, {f"l{number}": "v" for number in range(64)}, 6),
        ({"a": {"b": {"c": 1}}, "d": [1, 2], "e": 5, "f": None, "g": True}, {"e": "5", "f": "", "g": "True"}, 2),
        ({"n" * 201: "v", "ok": "v"}, {"ok": "v"}, 1),
        ("prod", {}, 1),
        (["a", "b"], {}, 1),
    ],
)
def test_odd_labels_are_left_out_and_counted(labels: Any, kept: dict[str, str], left_out: int) -> None:
    house = taken(make_alert("1", labels=labels))
    assert {label["name"]: label["value"] for label in details(house)["labels"]} == kept
    assert adjusted(house)["labels"] == {"field": "labels", "why": "left-out", "count": left_out}


def test_a_label_that_is_too_long_is_cut() -> None:
    house = taken(make_alert("1", labels={"a": LONG}))
    (label,) = details(house)["labels"]
    assert (len(label["value"]), label["value"][-1]) == (1000, "…")
    assert adjusted(house)["labels"]["why"] == "cut"


@pytest.mark.parametrize("outage", ["true", "TRUE", 1, True])
def test_an_outage_may_be_said_in_many_ways(outage: Any) -> None:
    assert only(taken(make_alert("1", outage=outage))).outage is True


def test_an_outage_that_cannot_be_read_is_none() -> None:
    house = taken(make_alert("1", outage={"since": "noon"}))
    assert only(house).outage is False
    assert adjusted(house)["outage"]["why"] == "not-taken"


@pytest.mark.parametrize("key", [None, "", " ", "\u200b", {}, []])
def test_an_alert_without_a_key_has_one_of_what_it_says(key: Any) -> None:
    house = House()
    said = {"title": "Disk full", "source": "zabbix", "ci": "db1"}
    first, again, other = (
        replace(raw(**said, dedup_key=key), id="1"),
        replace(raw(**said, dedup_key=key), id="2"),
        replace(raw(**{**said, "ci": "db2"}, dedup_key=key), id="3"),
    )
    assert not house.tell(first, again, other).rejected
    assert len(house.incidents()) == 2
    assert house.events()[0].data["change"]["adjusted"][0]["field"] == "dedup_key"
    house.tell(replace(raw(False, **said, dedup_key=key), id="4", time=LATER))
    assert [one.state for one in house.incidents().values()] == [State.RESOLVED, State.NEW]


def test_parts_of_a_key_that_is_made_cannot_be_taken_for_others() -> None:
    house = House()
    house.tell(
        replace(raw(title="t", source="a", ci="b:c"), id="1"), replace(raw(title="t", source="a:b", ci="c"), id="2")
    )
    assert len(house.incidents()) == 2


def test_a_key_that_is_a_number_is_its_text() -> None:
    house = taken(make_alert("1", dedup_key=4711))
    assert only(house).fingerprint == fingerprint("4711")


def test_a_key_that_is_too_long_is_kept_as_a_hash_that_is_always_the_same() -> None:
    house = House()
    house.tell(make_alert("1", dedup_key=LONG), make_alert("2", dedup_key=LONG), make_alert("3", dedup_key=f"{LONG}y"))
    assert len(house.incidents()) == 2
    house.tell(make_alert("4", 5, fires=False, dedup_key=LONG))
    assert [one.state for one in house.incidents().values()] == [State.RESOLVED, State.NEW]


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ({"description": "The disk is full.\nAll of it."}, "The disk is full."),
        ({"labels": {"alertname": "DiskFull", "job": "node"}}, "DiskFull"),
        ({"labels": {"host": "db1"}}, "host=db1"),
        ({"ci": "db1"}, "db1"),
        ({"url": "https://mon/1"}, "https://mon/1"),
        ({"severity": "critical", "source": "zabbix"}, "zabbix"),
    ],
)
def test_an_alert_without_a_title_is_called_by_the_best_of_what_it_says(said: dict[str, Any], title: str) -> None:
    assert only(taken(raw(**said))).title == title


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ({"summary": "The disk is full"}, "The disk is full"),
        ({"message": "m", "severity": "critical"}, "m"),
        ({"name": "DiskFull", "dedup_key": "d"}, "DiskFull"),
        ({"summary": " ", "message": "m"}, "m"),
        ({"message": {"disk": 97}}, '{"disk":97}'),
        ({}, "/monitor"),
        ({"severity": "critical"}, "/monitor"),
        ({"outage": True}, "/monitor"),
        ({"title": "\u3164", "dedup_key": None}, "/monitor"),
    ],
)
def test_an_alert_that_says_next_to_nothing_is_called_by_what_there_is(said: dict[str, Any], title: str) -> None:
    house = taken(raw(**said))
    assert only(house).title == title
    assert not house.tell(replace(raw(False, **said), id="2", time=LATER)).rejected
    assert only(house).state is State.RESOLVED


def test_an_alert_that_says_nothing_goes_by_its_subject() -> None:
    house = House()
    for id, subject in (("1", "db1"), ("2", "db1"), ("3", "db2")):
        house.tell(replace(raw(severity="critical"), id=id, subject=subject))
    assert [incident.title for incident in house.incidents().values()] == ["db1", "db2"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"dedup_key": ["db1"]}, {"dedup_key": ["db2"]}),
        ({"dedup_key": {"h": "db1"}}, {"dedup_key": {"h": "db2"}}),
        ({"labels": {"host": "db1"}}, {"labels": {"host": "db2"}}),
    ],
)
def test_alerts_that_differ_in_an_odd_key_or_in_their_labels_are_two(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    house = House()
    house.tell(replace(raw(title="t", **one), id="1"), replace(raw(title="t", **other), id="2"))
    house.tell(replace(raw(False, title="t", **one), id="3", time=LATER))
    assert [incident.state for incident in house.incidents().values()] == [State.RESOLVED, State.NEW]


def test_a_key_that_is_an_object_is_the_same_in_any_order() -> None:
    house = taken(raw(title="t", dedup_key={"h": "db1", "d": [1, 2]}))
    assert adjusted(house)["dedup_key"]["why"] == "as-text"
    house.tell(replace(raw(title="t", dedup_key={"d": [1, 2], "h": "db1"}), id="2"))
    assert only(house).fingerprint == fingerprint('{"d":[1,2],"h":"db1"}')


def test_labels_of_an_alert_without_a_key_are_the_same_in_any_order() -> None:
    house = House()
    house.tell(replace(raw(title="t", labels={"a": "1", "b": "2"}), id="1"))
    house.tell(replace(raw(title="t", labels={"b": "2", "a": "1"}), id="2"))
    assert len(house.incidents()) == 1


def test_two_senders_that_name_neither_a_key_nor_themselves_are_two() -> None:
    house = House()
    house.tell(*(replace(raw(title="t"), id=source, source=source) for source in ("/m1", "/m2")))
    assert len(house.incidents()) == 2


@pytest.mark.parametrize("blank", ["\u3164", "\u2800", "\u0301", "\u200b\u115f"])
def test_a_title_that_only_looks_empty_is_none(blank: str) -> None:
    assert only(taken(make_alert("1", title=blank))).title == "disk:db1"


@pytest.mark.parametrize(
    ("word", "priority"),
    [
        ("\uff23\uff32\uff29\uff34\uff29\uff23\uff21\uff2c", Priority.P1),
        ("P1 - Critical", Priority.P1),
        ("1 - Critical", Priority.P1),
        ("CRITICAL!", Priority.P1),
        ("Sev 1 (page)", Priority.P1),
        ("Very high impact", Priority.P1),
        ("High (4)", Priority.P2),
        ("Warning: disk", Priority.P3),
        ("Not classified, so far", Priority.P4),
    ],
)
def test_a_word_with_more_around_it_and_in_other_letters_is_known(word: str, priority: Priority) -> None:
    house = taken(make_alert("1", severity=word))
    assert (only(house).priority, adjusted(house)) == (priority, {})


@pytest.mark.parametrize(
    "time", [datetime(1, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC), datetime(2000, 1, 1, 0, 0, 5, tzinfo=UTC)]
)
def test_an_alert_of_a_clock_that_is_far_off_counts_as_said_now_and_the_time_is_noted(time: datetime) -> None:
    house = taken(replace(make_alert("1"), time=time))
    incident = only(house)
    assert (incident.opened_at, incident.priority) == (LATER, Priority.P1)
    note = adjusted(house)["time"]
    assert (note["why"], note["said"][:4]) == ("far-off", f"{time.year:04d}")
    (written,) = house.rows("notes").values()
    assert (written["visibility"], written["author_kind"]) == ("private", "system")
    assert note["said"] in written["text"]
    house.unit_of_work.clock.advance(timedelta(minutes=1))  # type: ignore[attr-defined]
    house.tell(replace(make_alert("2", fires=False), time=time + timedelta(minutes=1)))
    assert only(house).state is State.RESOLVED


def test_an_alert_that_is_hours_late_keeps_its_time() -> None:
    house = taken(make_alert("1", -60 * 30))
    assert only(house).opened_at == NOW - timedelta(hours=30)
    assert adjusted(house) == {}


def test_history_of_alerts_keeps_its_times_however_old() -> None:
    old = datetime(2001, 5, 4, tzinfo=UTC)
    house = taken(replace(make_alert("1"), time=old, backfill=True))
    assert only(house).opened_at == old


def enveloped(**attributes: Any) -> Envelope:
    """A critical alert as its bytes are read."""
    data = {"dedup_key": "disk:db1", "title": "Disk full", "severity": "critical"}
    said = {"specversion": "1.0", "id": "1", "source": "/m", "type": "alert.firing", "time": "2026-03-02T09:00:00Z"}
    return read(orjson.dumps({**said, "data": data, **attributes}), LATER)


@pytest.mark.parametrize(
    ("name", "value"),
    [("lane", "high"), ("hops", "x"), ("sequence", "0a"), ("backfill", "false"), ("correlationid", "a\n")],
)
def test_an_odd_attribute_of_the_envelope_does_not_keep_an_alert_out_and_can_be_seen(name: str, value: Any) -> None:
    house = taken(enveloped(**{name: value}))
    assert only(house).priority is Priority.P1
    assert adjusted(house)[name]["why"] == "not-taken"


@pytest.mark.parametrize(("time", "words"), [(None, "did not date it"), ("noon", "dated it noon, which is no time")])
def test_an_alert_without_a_time_is_said_now_and_a_note_tells(time: Any, words: str) -> None:
    house = taken(enveloped(time=time))
    assert only(house).opened_at == LATER
    assert adjusted(house)["time"] == {"field": "time", "why": "not-taken", **({"said": time} if time else {})}
    (note,) = house.rows("notes").values()
    assert note["text"] == f"Its sender {words}: it counts as said now."


def test_alerts_without_times_fire_and_clear_in_the_order_of_their_arrival() -> None:
    house = taken(enveloped(time=None))
    for number, (type_, unfinished) in enumerate([("alert.resolved", 0), ("alert.firing", 1), ("alert.resolved", 0)]):
        house.tell(enveloped(id=f"n{number}", type=type_, time=None))
        assert sum(incident.unfinished for incident in house.incidents().values()) == unfinished


json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
FIELDS = [
    "dedup_key",
    "title",
    "severity",
    "source",
    "ci",
    "service",
    "organisation",
    "labels",
    "description",
    "url",
    "outage",
    "priority",
    "tags",
]


@settings(max_examples=200, deadline=None)
@given(data=st.dictionaries(st.sampled_from(FIELDS), json, max_size=10), fires=st.booleans())
def test_an_alert_is_never_refused(data: dict[str, Any], fires: bool) -> None:
    house = House()
    assert not house.tell(raw(fires, **data)).rejected
    assert len(house.incidents()) == fires
