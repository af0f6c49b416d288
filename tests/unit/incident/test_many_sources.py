"""One alert from many senders, and many alerts due together: in portions, and none holds up another."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from services.incident.domain.record import State
from services.incident.handlers import gaps, quiet
from services.incident.handlers.portions import in_portions
from shared.lease import Lease
from shared.store import Writes
from shared.testing import MemoryStore
from shared.weight import MOST_WRITTEN, weigh
from tests.unit.incident.factories import NOW, House, make_action, make_ticket
from tests.unit.incident.test_flapping import HOUR, MINUTE, SECOND, Live

LABELS = {f"label-{number:02}": "x" * 1_000 for number in range(64)}
LEASE = Lease(name="quiet", token=1, until=NOW)


class Scales(MemoryStore):
    """A store that knows its heaviest commit."""

    heaviest = 0

    def commit(self, writes: Writes) -> None:
        self.heaviest = max(self.heaviest, weigh(writes).bytes)
        super().commit(writes)


def fires(live: Live, sources: int, **data: Any) -> None:
    for number in range(sources):
        live.fires(source=f"s{number:04}", **data)


def looks(house: House) -> int | None:
    house.store.collections.setdefault("leases", {})["quiet"] = {"token": 1}
    look = partial(quiet.look, lease=LEASE, ports=house.ports)
    return in_portions(house.unit_of_work, look, partial(quiet.postpone, lease=LEASE), quiet.AT_ONCE)


def until_nothing_is_due(live: Live) -> int:
    rounds = 0
    while looks(live.house):
        rounds += 1
        assert rounds < 200, "the same claims are due for ever"
    return rounds


def firing(live: Live) -> int:
    return sum(row["status"] == "firing" for row in live.house.rows("alerts").values())


def test_sources_that_say_much_and_fall_silent_expire_in_portions() -> None:
    live = Live()
    fires(live, 101, labels=LABELS)
    live.after(MINUTE).clears(source="s0000")
    live.after(6 * HOUR)
    until_nothing_is_due(live)
    assert (live.states(), firing(live)) == ([State.RESOLVED], 0)


@pytest.mark.parametrize(("sources", "data"), [(100, {"labels": LABELS}), (1_500, {})])
def test_a_resolution_for_every_source_ends_all_of_them_however_many(sources: int, data: dict[str, Any]) -> None:
    live = Live()
    fires(live, sources, **data)
    live.after(MINUTE).clears()
    until_nothing_is_due(live)
    assert (live.states(), firing(live)) == ([State.RESOLVED], 0)


def test_a_source_that_fires_again_while_the_others_are_ended_keeps_the_incident_open() -> None:
    live = Live()
    fires(live, 120)
    live.after(MINUTE).clears()
    live.after(SECOND).fires(source="s0119")
    until_nothing_is_due(live)
    assert (live.states(), firing(live)) == ([State.NEW], 1)
    live.after(MINUTE).clears(source="s0119")
    assert (live.states(), firing(live)) == ([State.RESOLVED], 0)


def test_an_incident_with_many_sources_is_not_resolved_while_some_of_them_fire() -> None:
    live = Live()
    fires(live, 1_500)
    live.after(MINUTE).clears(source="s0000")
    live.after(4 * HOUR)
    for number in range(1_000, 1_500):
        live.fires(source=f"s{number:04}")
    live.after(2 * HOUR)
    until_nothing_is_due(live)
    assert (live.states(), firing(live)) == ([State.NEW], 500)
    for number in range(1_000, 1_500):
        live.clears(source=f"s{number:04}")
    assert live.states() == [State.RESOLVED]


def test_an_incident_that_is_reopened_counts_all_that_fire() -> None:
    live = Live()
    fires(live, 1_200, labels={"a": "b"})
    live.house.do("resolve", "INC0000001", code="fixed")
    assert "error" not in live.house.do("reopen", "INC0000001", reason="It still fires.")
    (claim,) = live.house.rows("open_alerts").values()
    assert claim["firing"] == 1_200


def test_labels_of_one_alert_are_kept_up_to_a_bound_and_the_rest_is_noted() -> None:
    live = Live()
    live.fires(source="s", labels=LABELS)
    (row,) = live.house.rows("alerts").values()
    assert [label["name"] for label in row["details"]["labels"]] == [f"label-{number:02}" for number in range(8)]
    assert row["details"]["adjusted"] == [{"field": "labels", "why": "left-out", "count": 56}]


def heavy_claims(live: Live, count: int) -> None:
    for number in range(count):
        for _ in range(live.house.ports.alerts.flapping.times):
            for say in (live.fires, live.clears):
                live.after(SECOND)
                say(dedup_key=f"k{number}", description="x" * 31_000)


def test_flapping_alerts_with_long_descriptions_that_settle_together_are_resolved_in_portions() -> None:
    live = Live()
    heavy_claims(live, 50)
    live.after(HOUR)
    until_nothing_is_due(live)
    assert set(live.states()) == {State.RESOLVED}


def test_gaps_of_large_tickets_that_are_overdue_together_are_told_in_portions() -> None:
    house = House(store=(scales := Scales()))
    scales.collections["leases"] = {"quiet": {"token": 1}}
    for number in range(50):
        reference = f"EXT-{number}"
        ticket = make_ticket(f"t{number}", sequence=1, external_ref=reference, description="x" * 31_000)
        action = make_action(f"a{number}", "note", sequence=3, external_ref=reference, args={"text": "n"})
        assert not house.tell(ticket, action).rejected
    house.unit_of_work.clock.advance(house.ports.gap_after + MINUTE)  # type: ignore[attr-defined]
    tell = partial(gaps.tell, lease=LEASE, ports=house.ports)
    told: list[gaps.Gap] = []
    while part := in_portions(house.unit_of_work, tell, _never, gaps.AT_ONCE):
        told += part
    assert len(told) == 50
    assert scales.heaviest <= MOST_WRITTEN


def _never(_work: Any, _error: Exception) -> str | None:
    raise AssertionError("nothing is put off")


def test_a_claim_that_cannot_be_dealt_with_is_put_off_and_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    live = Live()
    for number in range(3):
        live.after(SECOND).fires(dedup_key=f"k{number}", source="a")
        live.fires(dedup_key=f"k{number}", source="b")
        live.clears(dedup_key=f"k{number}", source="a")
    live.after(6 * HOUR)
    close: Callable[..., None] = quiet.close

    def failing(work: Any, fingerprint: str, claim: Any, *rest: Any, **more: Any) -> None:
        if claim.incident == "INC0000001":
            raise ValueError("this one is broken")
        close(work, fingerprint, claim, *rest, **more)

    monkeypatch.setattr(quiet, "close", failing)
    for _ in range(10):
        looks(live.house)
    assert live.states() == [State.NEW, State.RESOLVED, State.RESOLVED]
    monkeypatch.setattr(quiet, "close", close)
    live.after(timedelta(minutes=11))
    until_nothing_is_due(live)
    assert live.states() == [State.RESOLVED] * 3
