"""One holder at a time, and a token by which an overtaken holder is known."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import FixedClock
from shared.errors import Conflict
from shared.lease import Leases
from shared.store import Writes
from shared.testing import MemoryStore, make_instant

SPAN = timedelta(seconds=5)


def make_replicas(count: int = 2) -> tuple[MemoryStore, FixedClock, list[Leases]]:
    store, clock = MemoryStore(), FixedClock(make_instant())
    return store, clock, [Leases(store, clock, f"replica-{number}", span=SPAN) for number in range(count)]


def test_one_replica_holds_a_lease_and_the_other_does_not() -> None:
    _, _, (one, other) = make_replicas()
    held = one.acquire("due")
    assert held is not None
    assert held.until == make_instant() + SPAN
    assert other.acquire("due") is None
    assert one.acquire("due") == held


def test_leases_of_different_names_have_nothing_to_do_with_each_other() -> None:
    _, _, (one, other) = make_replicas()
    assert one.acquire("due") is not None
    assert other.acquire("figures") is not None


def test_a_holder_renews_before_its_lease_ends_and_keeps_its_token() -> None:
    _, clock, (one, other) = make_replicas()
    first = one.acquire("due")
    assert first is not None
    for _ in range(10):
        clock.advance(SPAN * 0.6)
        renewed = one.acquire("due")
        assert renewed is not None
        assert (renewed.token, renewed.until) == (first.token, clock.now() + SPAN)
        assert other.acquire("due") is None


def test_when_a_holder_falls_silent_another_takes_over_with_a_higher_token() -> None:
    _, clock, (one, other) = make_replicas()
    first = one.acquire("due")
    clock.advance(SPAN - timedelta(milliseconds=1))
    assert other.acquire("due") is None
    clock.advance(timedelta(milliseconds=1))
    taken = other.acquire("due")
    assert first is not None
    assert taken is not None
    assert taken.token == first.token + 1
    assert one.acquire("due") is None


def test_an_overtaken_holders_work_is_fenced_off() -> None:
    store, clock, (one, other) = make_replicas()
    first = one.acquire("due")
    clock.advance(SPAN)
    second = other.acquire("due")
    assert first is not None
    assert second is not None
    row = {"_id": "a", "key": "a"}
    with pytest.raises(Conflict):
        store.commit(Writes(inserts={"done": {"a": row}}, fences=[("due", first.token)]))
    store.commit(Writes(inserts={"done": {"a": row}}, fences=[("due", second.token)]))


def test_a_lease_that_was_given_back_is_free_at_once_and_gets_a_higher_token() -> None:
    _, _, (one, other) = make_replicas()
    first = one.acquire("due")
    one.release("due")
    taken = other.acquire("due")
    assert first is not None
    assert taken is not None
    assert taken.token == first.token + 1


def test_giving_back_what_is_not_held_changes_nothing() -> None:
    store, clock, (one, other) = make_replicas()
    one.release("due")
    assert one.acquire("due") is not None
    clock.advance(SPAN)
    assert other.acquire("due") is not None
    before = dict(store.collections["leases"])
    one.release("due")
    assert store.collections["leases"] == before
    assert one.acquire("due") is None


def test_of_two_replicas_that_see_a_free_lease_at_once_one_takes_it() -> None:
    store, clock, (one, _) = make_replicas()

    class Slow(MemoryStore):
        """Reads what was there before the rival took it."""

        def read(self, collection: str, keys: object) -> list[dict[str, object]]:
            return []

    slow = Slow()
    slow.collections = store.collections
    assert one.acquire("due") is not None
    assert Leases(slow, clock, "late", span=SPAN).acquire("due") is None


steps = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["acquire", "release"]), st.integers(0, 8)), max_size=40)


@given(steps)
def test_never_do_two_replicas_hold_a_lease_at_one_moment(steps: list[tuple[int, str, int]]) -> None:
    _, clock, replicas = make_replicas(3)
    holder: dict[str, tuple[int, int]] = {}
    highest = 0
    for replica, action, seconds in steps:
        if action == "release":
            replicas[replica].release("due")
            if holder.get("due", (-1, 0))[0] == replica:
                holder.clear()
        else:
            lease = replicas[replica].acquire("due")
            if lease is not None:
                assert lease.until > clock.now()
                assert lease.token >= highest
                if holder and holder["due"][0] != replica:
                    assert lease.token > holder["due"][1]
                highest = lease.token
                holder["due"] = (replica, lease.token)
            else:
                assert holder
                assert holder["due"][0] != replica
        clock.advance(timedelta(seconds=seconds))
