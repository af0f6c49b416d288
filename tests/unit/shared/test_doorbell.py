"""Hints to the relay: what rings is heard by its own name; nothing depends on it."""

from __future__ import annotations

import socket

import pytest

from shared.clock import FixedClock
from shared.doorbell import Bells, Doorbell, parse
from shared.ids import SequentialIds
from shared.store import JOURNAL
from shared.testing import MemoryStore, make_instant
from shared.unit_of_work import UnitOfWork

BROADCAST = "255.255.255.255:9790"
"""To send there is refused: the socket is not made for it."""


def free_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def test_a_hint_reaches_the_journal_it_names_and_no_other() -> None:
    address = free_address()
    bells = Bells(address, ["incident", "sla"])
    Doorbell(address, "stranger").ring()
    Doorbell(address, "incident").ring()
    assert bells.rung["incident"].wait(5)
    assert not bells.rung["sla"].is_set()


def test_a_hint_that_nobody_hears_is_lost_and_the_next_one_is_heard() -> None:
    address = free_address()
    bell = Doorbell(address, "incident")
    for _ in range(3):
        bell.ring()
    bells = Bells(address, ["incident"])
    assert not bells.rung["incident"].is_set()
    bell.ring()
    assert bells.rung["incident"].wait(5)


@pytest.mark.parametrize("address", ["", BROADCAST, "no-such-host.invalid:9790"])
def test_what_is_stored_is_stored_although_the_bell_cannot_be_rung(address: str) -> None:
    store = MemoryStore()
    unit = UnitOfWork(store, FixedClock(make_instant()), SequentialIds(), ring=Doorbell(address, "incident").ring)
    unit.run(lambda work: work.append(JOURNAL, "1", {"type": "thing.done"}))
    assert store.collections[JOURNAL].keys() == {"1"}


def test_a_second_relay_of_the_machine_goes_on_without_hints() -> None:
    address = free_address()
    assert Bells(address, ["incident"]).heard
    assert not Bells(address, ["incident"]).heard
    assert not Bells("", ["incident"]).heard


@pytest.mark.parametrize("address", ["9790", "host:", ":9790", "host:0", "host:99999", "host:x"])
def test_an_address_without_host_or_port_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        parse(address)
