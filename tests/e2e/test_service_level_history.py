"""A history under the calendars of its countries: every clock is what its history says, whatever befell the service."""

from __future__ import annotations

import csv
import gzip
import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.access import OPERATOR
from deploy.local.process import wait_for
from shared.envelope import Lane
from shared.publisher import Message, Outcome
from shared.topology import events_exchange, routing_key
from tests.e2e.history import CASES, FOLDER, NIGHTLY, SAMPLE, make_rows, replay, verified, write_log
from tests.house import House

pytestmark = pytest.mark.timeout(1200)

COUNTRIES = {
    "au": ("Australia/Sydney", {"country": "AU", "subdivision": "NSW"}),
    "be": ("Europe/Brussels", {"country": "BE"}),
    "br": ("America/Sao_Paulo", {"country": "BR"}),
    "ca": ("America/Toronto", {"country": "CA", "subdivision": "ON"}),
    "cn": ("Asia/Shanghai", {"country": "CN"}),
    "de": ("Europe/Berlin", {"country": "DE"}),
    "fr": ("Europe/Paris", {"country": "FR"}),
    "gb": ("Europe/London", {"country": "GB", "subdivision": "ENG"}),
    "in": ("Asia/Kolkata", {"country": "IN"}),
    "kr": ("Asia/Seoul", {"country": "KR"}),
    "nl": ("Europe/Amsterdam", {"country": "NL"}),
    "pl": ("Europe/Warsaw", {"country": "PL"}),
    "ru": ("Europe/Moscow", {"country": "RU"}),
    "se": ("Europe/Stockholm", {"country": "SE"}),
    "us": ("America/New_York", {"country": "US"}),
}
OFFICE = ["08:00-12:00", "13:00-17:30"]
WEEK = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), OFFICE)
TARGETS = {
    "P1": {"response": "30m", "resolution": "4h", "assignment": "2h"},
    "P2": {"response": "1h", "resolution": "9h", "assignment": "4h"},
    "P3": {"response": "4h", "resolution": "27h", "vendor": "45h"},
    "P4": {"response": "9h", "resolution": "45h", "on_reopen": "restart"},
}


def country_policies(rows: Sequence[dict[str, str]]) -> dict[str, Any]:
    """Policies in which each organisation works by the calendar of the country where most of its rows come from.

    The most urgent are worked on round the sun: a union of the three largest countries' calendars.
    """
    found: dict[str, Counter[str]] = {}
    for row in rows:
        if row["country"].lower() in COUNTRIES:
            found.setdefault(row["org_line"], Counter())[row["country"].lower()] += 1
    home = {organisation: counts.most_common(1)[0][0] for organisation, counts in sorted(found.items())}
    calendars: dict[str, Any] = {
        country: {"zone": zone, "week": WEEK, "holidays": holidays} for country, (zone, holidays) in COUNTRIES.items()
    }
    calendars["sun"] = {"union": ["in", "se", "us"]}
    common = {"pauses": ["user", "customer", "vendor", "hidden"], "thresholds": [50, 75, {"after": "9h"}]}
    policies = [{"name": "urgent", "when": {"priority": "P1"}, "calendar": "sun", **TARGETS["P1"], **common}]
    for country in sorted(set(home.values())):
        organisations = [one for one, where in home.items() if where == country]
        policies += [
            {
                "name": f"{country}-{priority.lower()}",
                "when": {"organisation": organisations, "priority": priority},
                "calendar": country,
                **TARGETS[priority],
                **common,
            }
            for priority in ("P2", "P3", "P4")
        ]
    policies.append({"name": "others", "calendar": "se", **TARGETS["P3"], **common})
    return {"calendars": calendars, "policies": policies}


def small_history() -> list[dict[str, str]]:
    homes = (("Org line A2", "fr"), ("Org line B", "in"), ("Org line C", "se"), ("Org line V11", "br"))
    return [
        row
        for number, path in enumerate(CASES)
        for row in make_rows(
            f"1-{700_000_000 + number}",
            path,
            org_line=homes[number % 4][0],
            country=homes[number % 4][1],
            impact=("Major", "Medium", "Low")[number % 3],
        )
    ]


@pytest.fixture(scope="module", params=["small", "sample"])
def history(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A log to bring over, and how often sla is killed meanwhile."""
    if request.param == "small":
        return write_log(tmp_path_factory.mktemp("log") / "history.csv", small_history()), 3
    if not NIGHTLY:
        pytest.skip("takes minutes: `make nightly` runs it")
    if not (FOLDER / SAMPLE).is_file():
        pytest.skip(f"{SAMPLE} is not there: set DESKWIRE_SAMPLE_DATA to its folder")
    return FOLDER / SAMPLE, 20


@pytest.fixture(scope="module")
def settings(history: tuple[Path, int], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    file, _ = history
    log = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    policies = country_policies(list(csv.DictReader(log.decode().splitlines())))
    path = tmp_path_factory.mktemp("settings") / "sla.yaml"
    path.write_text(yaml.safe_dump(policies, sort_keys=False))
    return {"DESKWIRE_SLA_FILE": str(path)}


@pytest.fixture(scope="module")
def replayed(start_house: Callable[..., House], history: tuple[Path, int], settings: dict[str, str]) -> House:
    """A house into which the history was brought while sla was killed again and again."""
    file, kills = history
    house = start_house(environment=settings)
    reports: list[dict[str, Any]] = []
    bringing = threading.Thread(target=lambda: reports.append(replay(house, file)))
    bringing.start()
    for _ in range(kills):
        house.processes["sla"].kill()
        house.spawn("sla")
        house.wait_ready("sla")
    bringing.join()
    assert [report["dead_letters"] for report in reports] == [0]
    house.wait_quiet()
    return house


def clocks(house: House) -> dict[str, dict[str, Any]]:
    """What each clock says, without how often it was written."""
    written = {"version", "audit"}
    return {
        row["_id"]: {name: value for name, value in row.items() if name not in written}
        for row in house.rows("sla", "clocks")
    }


def test_kills_during_the_replay_leave_no_clock_other_than_its_history_says(replayed: House) -> None:
    checked, differences = verified(replayed)

    stored = clocks(replayed)
    assert differences == []
    assert checked == len(stored) >= 40
    assert len({row["policy"] for row in stored.values()}) >= 5


def test_incidents_in_shuffled_order_come_to_the_same_clocks(
    replayed: House, start_house: Callable[..., House], settings: dict[str, str]
) -> None:
    told = replayed.rows("incident", "journal")
    random.Random(3).shuffle(told)
    house = start_house(services=("sla",), environment=settings)

    for start in range(0, len(told), 500):
        outcomes = house.publish_raw([_told_again(row) for row in told[start : start + 500]], user=OPERATOR)
        assert set(outcomes) == {Outcome.CONFIRMED}
    assert_taken(house, len(told))

    assert verified(house)[1] == []
    assert clocks(house) == clocks(replayed)


def assert_taken(house: House, events: int) -> None:
    def taken() -> bool:
        return house.metric("sla", "itsm_events_handled_total", outcome="handled") >= events

    assert wait_for(taken, 300), house.metric("sla", "itsm_events_handled_total")


def _told_again(row: dict[str, Any]) -> Message:
    key = routing_key(row["type"], Lane(row["lane"]))
    return Message(
        exchange=events_exchange("incident"), routing_key=key, body=bytes(row["body"]), message_id=row["_id"]
    )
