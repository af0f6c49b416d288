"""An event on its way from a service's journal to its consumers: hinted at by the doorbell, or found by looking."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from shared.clock import SystemClock
from shared.envelope import Lane
from shared.ids import SystemIds
from shared.store import JOURNAL
from shared.testing import make_envelope
from shared.topology import queue_name
from tests.house import RELAY_PROCESS, House
from tests.integration.probe_house import eventually

IDS = SystemIds()
AN_HOUR = {"DESKWIRE_RELAY_POLL_SECONDS": "3600"}
NO_DOORBELL = {"DESKWIRE_DOORBELL": ""}


def start(make_house: Callable[..., House], environment: Mapping[str, str]) -> House:
    """Incident and the relay, which has looked at every journal once and found nothing."""
    house = make_house(services=["incident"], environment=environment)
    house.start(["incident", RELAY_PROCESS])
    return house


def open_incident(house: House) -> None:
    key = IDS.new()
    data = {"dedup_key": key, "title": "No link", "severity": "error", "source": "monitor"}
    house.publish(make_envelope(id=key, time=SystemClock().now(), data=data))


def arrived(house: House) -> int:
    """How many events of incident lie with sla, which does not run."""
    lengths = house.queue_lengths()
    return sum(lengths[queue_name("sla", "incident", lane)] for lane in Lane)


def test_a_stored_event_is_relayed_because_the_bell_rang_and_not_because_the_relay_looked(
    make_house: Callable[..., House],
) -> None:
    house = start(make_house, AN_HOUR)
    for expected in (1, 2, 3):
        open_incident(house)
        eventually(lambda expected=expected: arrived(house) == expected, 60)


def test_without_a_doorbell_the_relay_finds_a_stored_event_by_looking(make_house: Callable[..., House]) -> None:
    house = start(make_house, NO_DOORBELL)
    open_incident(house)
    eventually(lambda: arrived(house) == 1, 60)


def test_a_relay_that_was_away_while_the_bell_rang_relays_what_it_missed(make_house: Callable[..., House]) -> None:
    house = make_house(services=["incident"], environment=AN_HOUR)
    house.start(["incident"])
    open_incident(house)
    eventually(lambda: len(house.rows("incident", JOURNAL)) == 1)
    house.start([RELAY_PROCESS])
    eventually(lambda: arrived(house) == 1, 60)


def test_a_relay_that_waits_for_a_bell_stops_when_it_is_told_to(make_house: Callable[..., House]) -> None:
    house = start(make_house, AN_HOUR)
    assert house.processes[RELAY_PROCESS].stop(20)
