from __future__ import annotations

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notify.domain.delivery import TextFrom
from services.notify.domain.rules import Channel, Reason
from shared.envelope import Lane
from shared.testing import published
from tests.unit.notify.factories import (
    NotifyInMemory,
    make_addresses,
    make_data,
    make_event,
    make_hook,
    make_restricted,
    make_rule,
)


def test_a_matching_event_is_stored_as_a_planned_delivery_and_published() -> None:
    notify = NotifyInMemory()
    notify.take(make_event())
    row = notify.stored()
    assert (row["state"], row["recipient"], row["channel"]) == ("planned", "network", "email")
    assert row["content"]["subject"] == "INC0000001: No link"
    (event,) = published(notify.store)
    assert (event.type, event.subject, event.causationid) == ("notification.planned", row["key"], "1")
    assert event.data["record"] == "INC0000001"
    assert "No link" not in orjson.dumps(dict(event.data)).decode()


def test_the_same_event_twice_leads_to_one_delivery() -> None:
    notify = NotifyInMemory()
    notify.take(make_event(), make_event())
    taken = notify.take(make_event())
    assert len(notify.rows()) == 1
    assert taken.duplicates == {"1"}


def test_an_event_whose_inbox_mark_is_gone_still_leads_to_one_delivery() -> None:
    notify = NotifyInMemory()
    notify.take(make_event())
    notify.store.collections["inbox"].clear()
    notify.take(make_event())
    assert len(notify.rows()) == 1
    assert len(published(notify.store)) == 1


def test_the_same_id_of_two_sources_are_two_events() -> None:
    notify = NotifyInMemory(make_rule(events=("incident.*", "problem.*")))
    notify.take(make_event(), make_event(source="/problem", type="problem.proposed"))
    assert len(notify.rows()) == 2


RULES = (
    make_rule(name="a", to=("team", "manager")),
    make_rule(name="b", to=("manager", "network")),
    make_hook(name="c", to=("chat", "manager")),
)
EVENTS = [make_event(id=str(number), subject=f"INC{number}") for number in range(4)]


@settings(max_examples=40)
@given(st.lists(st.lists(st.sampled_from(EVENTS), min_size=1, max_size=6), max_size=6))
def test_in_any_order_and_number_there_is_one_delivery_for_each_event_recipient_and_channel(
    batches: list[list[object]],
) -> None:
    notify = NotifyInMemory(*RULES)
    for batch in batches:
        notify.take(*batch)  # type: ignore[arg-type]
    seen = {envelope.id for batch in batches for envelope in batch}  # type: ignore[attr-defined]
    places = [("network", "email"), ("manager", "email"), ("chat", "webhook"), ("manager", "webhook")]
    stored = [(row["event"], row["recipient"], row["channel"]) for row in notify.rows()]
    assert sorted(stored) == sorted((event, *place) for event in seen for place in places)
    assert len(published(notify.store)) == len(stored)


def test_history_that_is_brought_over_is_counted_and_notifies_nobody() -> None:
    notify = NotifyInMemory()
    taken = notify.take(make_event(backfill=True))
    assert taken.handled == {"1"}
    assert notify.rows() == []
    assert notify.tally == {(Channel.EMAIL, Reason.BACKFILL): 1}


def test_a_bad_event_is_refused_and_the_rest_of_the_batch_goes_on() -> None:
    notify = NotifyInMemory()
    taken = notify.take(make_event(id="bad", data={"version": 1}), make_event(id="good"))
    assert {key: (error.slug, getattr(error, "pointer", None)) for key, error in taken.rejected.items()} == {
        "bad": ("invalid", "/data/number")
    }
    assert [row["event"] for row in notify.rows()] == ["good"]


def test_the_text_of_a_restricted_record_says_only_what_its_snapshot_may_show() -> None:
    notify = NotifyInMemory(make_rule(to=("manager",), text="{{ title }}"))
    notify.take(make_restricted())
    row = notify.stored()
    assert row["content"]["text_from"] == TextFrom.RESTRICTED
    assert row["content"]["text"] == "event: incident.opened\nnumber: INC0000001\nstate: new\npriority: P1\n"
    (event,) = published(notify.store)
    assert event.restricted
    assert set(event.data) == {"number", "version", "state"}


def test_a_template_that_asks_for_a_missing_field_does_not_silence_the_notification() -> None:
    notify = NotifyInMemory(make_rule(text="{{ nowhere.to.be.found }}"))
    notify.take(make_event())
    content = notify.stored()["content"]
    assert content["text_from"] == TextFrom.FALLBACK
    assert "INC0000001" in content["subject"]


def test_a_template_cannot_leave_its_sandbox() -> None:
    notify = NotifyInMemory(make_rule(text="{{ number.__class__.__mro__ }}"))
    notify.take(make_event())
    assert notify.stored()["content"]["text_from"] == TextFrom.FALLBACK


def test_a_title_cannot_break_out_of_the_subject_and_long_words_are_cut() -> None:
    notify = NotifyInMemory(make_rule(text="{{ title }}"))
    notify.take(make_event(data=make_data(title="a\r\nBcc: all@example.org\x00" + "x" * 20_000)))
    content = notify.stored()["content"]
    assert content["subject"].startswith("INC0000001: a Bcc: all@example.org\ufffdx")
    assert (len(content["subject"]), len(content["text"])) == (200, 10_000)


def test_a_title_is_no_template() -> None:
    notify = NotifyInMemory()
    notify.take(make_event(data=make_data(title="{{ 6 * 7 }}")))
    assert notify.stored()["content"]["subject"] == "INC0000001: {{ 6 * 7 }}"


def test_a_webhook_carries_the_event_itself_and_never_an_address_or_secret() -> None:
    notify = NotifyInMemory(make_hook())
    notify.take(make_event(sender="monitor"))
    row = notify.stored()
    body = orjson.loads(row["content"]["body"])
    assert (body["id"], body["type"], body["data"]) == ("1", "incident.opened", make_data())
    assert "whsec" not in repr(notify.store.collections)
    assert "https://chat" not in repr(notify.store.collections)


def test_a_delivery_travels_in_the_lane_of_its_event() -> None:
    notify = NotifyInMemory()
    notify.take(make_event(lane=Lane.URGENT))
    assert published(notify.store)[0].lane is Lane.URGENT


def test_an_event_that_many_are_to_be_told_of_is_planned_for_in_parts() -> None:
    webhooks = {f"chat-{number}": make_addresses().webhooks["chat"] for number in range(40)}
    addresses = type(make_addresses())(emails=make_addresses().emails, webhooks=webhooks)
    notify = NotifyInMemory(make_rule(), make_hook(to=tuple(webhooks)), addresses=addresses)
    event = make_event(data=make_data(description="\U0001f525" * 31_000))
    assert notify.take(event).handled == {event.id}
    assert len(notify.rows()) == 41
    assert notify.take(event).duplicates == {event.id}
    assert len(published(notify.store)) == 41
