"""What time alone decides, on a real database: a held clearing settles, a silent source expires, a gap is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from shared.clock import SystemClock
from shared.config import SETTINGS_FOLDER
from shared.ids import SystemIds
from shared.testing import make_envelope
from tests.house import House
from tests.integration.probe_house import eventually

IDS = SystemIds()
FLAPPING = {"reopen_within": "15m", "times": 2, "window": "15m", "settle": "2s"}
SILENCE = {"beside_cleared": "never", "expire_after": {"mute": "2s"}}


def start(make_house: Callable[..., House], tmp_path: Path) -> House:
    shipped: dict[str, Any] = yaml.safe_load((SETTINGS_FOLDER / "incident.yaml").read_text())
    file = tmp_path / "incident.yaml"
    file.write_text(yaml.safe_dump({**shipped, "flapping": FLAPPING, "silence": SILENCE, "gap_after": "1s"}))
    house = make_house(services=["incident"], environment={"DESKWIRE_INCIDENT_FILE": str(file)})
    house.start(["incident"])
    return house


def say(house: House, event: str, **data: Any) -> None:
    sequence = data.pop("sequence", None)
    now = SystemClock().now()
    house.publish(make_envelope(id=IDS.new(), source="/try", type=event, time=now, data=data, sequence=sequence))


def resolution(house: House, title: str) -> dict[str, Any]:
    rows = house.rows("incident", "incidents", {"title": title})
    return rows[0]["resolution"] or {} if rows else {}


def test_held_clearings_silent_sources_and_gaps_are_decided_by_a_tick(
    make_house: Callable[..., House], tmp_path: Path
) -> None:
    house = start(make_house, tmp_path)
    say(house, "alert.firing", title="mute", source="mute", severity="odd", labels={"": 1})
    say(house, "ticket.submitted", external_ref="T1", title="gap", sequence=1)
    say(house, "ticket.action", external_ref="T1", action="note", text="x", sequence=3)
    for count, event in enumerate(("alert.firing", "alert.resolved") * 3, start=1):
        say(house, event, title="flaps", source="probe")
        eventually(lambda count=count: len(flaps(house)) == count)
    eventually(lambda: resolution(house, "flaps").get("code") == "alert_cleared", 30)
    assert resolution(house, "flaps")["text"].startswith("Its alert had flapped")
    eventually(lambda: resolution(house, "mute").get("code") == "alert_expired", 30)
    assert len(house.rows("incident", "incidents")) == 3
    assert house.rows("incident", "open_alerts") == []

    eventually(lambda: house.metric("incident", "itsm_sequence_gaps") == 1, 30)
    say(house, "ticket.action", external_ref="T1", action="note", text="x", sequence=2)
    eventually(lambda: house.metric("incident", "itsm_sequence_gaps") == 0, 30)
    assert house.metric("incident", "itsm_dead_letters") == 0


def flaps(house: House) -> list[dict[str, Any]]:
    numbers = [row["_id"] for row in house.rows("incident", "incidents", {"title": "flaps"})]
    return house.rows("incident", "occurrences", {"incident": {"$in": numbers}})
