from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from services.notify import handlers, schemas
from shared.command import load
from shared.errors import Invalid, NotAllowed, NotFound, VersionMismatch
from shared.testing import published
from tests.unit.notify.factories import PERMANENT, NotifyInMemory, ScriptedCrew, make_data, make_event, make_hook


def failed() -> NotifyInMemory:
    notify = NotifyInMemory(crew=ScriptedCrew(PERMANENT))
    notify.take(make_event())
    notify.send()
    return notify


def page(notify: NotifyInMemory, **args: object) -> tuple[list[str], str | None]:
    reply = notify.command(handlers.find, load(schemas.FindArgs(), args))
    return [record["event"] for record in reply["records"]], reply["next"]


def test_get_shows_the_words_and_every_attempt() -> None:
    notify = failed()
    record = notify.command(partial(handlers.get, show=schemas.details), number=notify.stored()["key"])
    assert (record["state"], record["subject"]) == ("failed", "INC0000001: No link")
    assert [(one["outcome"], one["status"]) for one in record["attempts"]] == [("permanent", 550)]


def test_get_of_an_unknown_delivery_is_not_found() -> None:
    with pytest.raises(NotFound):
        failed().command(partial(handlers.get, show=schemas.details), number="DLV-none")


def test_a_failed_delivery_is_sent_again_on_demand_and_the_audit_names_who_asked() -> None:
    notify = failed()
    key = notify.stored()["key"]
    record = notify.command(handlers.resend, number=key)
    assert (record["state"], record["tried"]) == ("planned", 0)
    assert published(notify.store)[-1].data["change"]["by"] == "alice"
    notify.send()
    assert notify.stored()["state"] == "sent"
    assert {handed for handed, _ in notify.crew.handed} == {key}


def test_a_group_is_sent_again_page_by_page_by_one_command() -> None:
    notify = NotifyInMemory(crew=ScriptedCrew(*[PERMANENT] * 5))
    notify.take(*(make_event(id=str(number)) for number in range(5)))
    notify.send()
    notify.take(make_event(id="other", data=make_data(team="manager")))
    notify.send()
    args = {"state": "failed", "recipient": "network", "limit": 3}
    first = notify.command(handlers.resend, load(schemas.ResendArgs(), args))
    rest = notify.command(handlers.resend, load(schemas.ResendArgs(), {**args, "cursor": first["next"]}))
    assert (first["resent"], rest["resent"], rest["next"]) == (3, 2, None)
    assert len({*first["numbers"], *rest["numbers"]}) == 5
    notify.send()
    assert [row["state"] for row in notify.rows()] == ["sent"] * 6


def test_a_group_of_heavy_deliveries_is_sent_again_in_as_many_pages_as_it_takes() -> None:
    notify = NotifyInMemory(make_hook(), crew=ScriptedCrew(*[PERMANENT] * 30))
    for number in range(30):
        notify.take(make_event(id=str(number), data=make_data(description="\U0001f525" * 31_000)))
    notify.send()
    resent, cursor = 0, None
    while True:
        args = {"state": "failed", **({"cursor": cursor} if cursor else {})}
        page = notify.command(handlers.resend, load(schemas.ResendArgs(), args))
        resent, cursor = resent + page["resent"], page["next"]
        if cursor is None:
            break
    assert resent == 30


def test_a_group_without_a_state_is_refused() -> None:
    with pytest.raises(Invalid) as caught:
        failed().command(handlers.resend, load(schemas.ResendArgs(), {"recipient": "network"}))
    assert caught.value.pointer == "/args/state"


def test_a_resend_that_is_repeated_with_the_same_version_happens_once() -> None:
    notify = failed()
    key, version = notify.stored()["key"], notify.stored()["version"]
    notify.command(handlers.resend, number=key, expected_version=version)
    with pytest.raises(VersionMismatch):
        notify.command(handlers.resend, number=key, expected_version=version)


def test_a_cancelled_delivery_is_not_sent() -> None:
    notify = NotifyInMemory()
    notify.take(make_event())
    notify.command(handlers.cancel, {"reason": "it was a drill"}, number=notify.stored()["key"])
    notify.send()
    assert notify.crew.handed == []
    assert published(notify.store)[-1].data["change"]["reason"] == "it was a drill"


def test_what_was_sent_cannot_be_cancelled() -> None:
    notify = NotifyInMemory()
    notify.take(make_event())
    notify.send()
    with pytest.raises(NotAllowed):
        notify.command(handlers.cancel, {"reason": "too late"}, number=notify.stored()["key"])


def test_a_list_is_read_page_by_page_without_loss_or_repetition() -> None:
    notify = NotifyInMemory()
    for first in range(0, 9, 3):
        notify.take(*(make_event(id=str(number)) for number in range(first, first + 3)))
        notify.clock.advance(timedelta(seconds=1))
    seen, cursor = page(notify, limit=4)
    while cursor is not None:
        more, cursor = page(notify, limit=4, cursor=cursor)
        seen += more
    assert sorted(seen) == [str(number) for number in range(9)]
    assert [int(event) // 3 for event in seen] == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_a_list_is_narrowed_by_state_event_recipient_and_time() -> None:
    notify = NotifyInMemory(crew=ScriptedCrew(PERMANENT))
    notify.take(make_event(id="1"))
    notify.send()
    notify.clock.advance(timedelta(minutes=1))
    notify.take(make_event(id="2"))
    assert page(notify, state="failed") == (["1"], None)
    assert page(notify, event="2") == (["2"], None)
    assert page(notify, recipient="network", state="planned") == (["2"], None)
    assert page(notify, recipient="manager") == ([], None)
    assert page(notify, since="2026-03-02T09:01:00Z") == (["2"], None)
    assert page(notify, until="2026-03-02T09:01:00Z") == (["1"], None)


def test_filters_without_a_common_index_are_refused() -> None:
    with pytest.raises(Invalid):
        page(NotifyInMemory(), event="1", state="sent")


@pytest.mark.parametrize("args", [{"limit": 0}, {"limit": 201}, {"state": "lost"}, {"cursor": "x"}, {"who": "me"}])
def test_wrong_arguments_are_refused(args: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        load(schemas.FindArgs(), args)
