"""An alert leaves for the desk whatever is odd about it, and the desk can read it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire_client import InvalidField, Spool, alerts, build
from deskwire_client.cli import main
from deskwire_client.event import ATTRIBUTE_BYTES, MAX_BYTES
from services.incident.domain.alert_rules import AlertRules
from services.incident.domain.alerts import Signal
from services.incident.schemas import bending, intake
from shared import names
from shared.envelope import Lane, decode
from shared.testing import make_envelope

AWAY = "amqp://guest:guest@127.0.0.1:1/"
FIRING = {"dedup_key": "k", "title": "t", "severity": "error"}
loop: list[Any] = []
loop.append(loop)


def read(data: dict[str, Any], event_type: str = "alert.firing", **overrides: Any) -> Signal:
    signal = intake.read(decode(build(event_type, data, **{"source": "/m", **overrides}).body), AlertRules())
    assert isinstance(signal, Signal)
    return signal


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AMQP_URI", "AMQP_URI_FILE", "DESKWIRE_SPOOL", "DESKWIRE_SOURCE"):
        monkeypatch.delenv(name, raising=False)


def keep(folder: Path, *words: str) -> dict[str, Any]:
    """What the command keeps of an alert while the broker is away."""
    assert main([*words, "--uri", AWAY, "--deadline", "0.01", "--spool", str(folder)]) == 3
    ((_, event),) = Spool(folder).oldest(9)
    document: dict[str, Any] = json.loads(event.body)
    return document


@pytest.mark.parametrize("word", ["CRITICAL", "unknown", "DOWN", "s" * 300, 3, True, ["a"]])
def test_a_severity_in_any_words_travels(word: Any) -> None:
    assert read({**FIRING, "severity": word}).dedup_key == "k"


@pytest.mark.parametrize("name", ["title", "severity", "url", "ci", "service", "description", "source", "organisation"])
@pytest.mark.parametrize("event_type", sorted(alerts.TYPES))
@pytest.mark.parametrize("blank", ["", " ", "\u200b", "\n", None])
def test_a_blank_field_counts_as_not_given(event_type: str, name: str, blank: str | None) -> None:
    event = build(event_type, {**FIRING, name: blank}, source="/m")
    assert name not in json.loads(event.body)["data"]


@pytest.mark.parametrize(
    "data",
    [
        {"title": "t" * 1001},
        {"ci": "c" * 256},
        {"url": "u" * 2001},
        {"description": "d" * 40_000},
        {"dedup_key": "k" * 1001},
        {"labels": {"a" * 201: "x", "": "y", "b": "z"}},
        {"labels": {f"label{number}": "x" for number in range(70)}},
        {"labels": {"a": 1, "b": float("nan"), "c": None, 4: b"\xff"}},
        {"labels": "a=b"},
        {"labels": loop},
        {"title": 7, "ci": ["a"], "description": {"a": "b"}, "outage": "yes"},
        {"ci": "\ud800", "service": 2**70, "url": datetime(2026, 3, 2, tzinfo=UTC)},
        {"sevrity": "error", "team": "network"},
        {"title": "t" * MAX_BYTES},
        {"description": "\0" * MAX_BYTES},
        {"dedup_key": "k" * MAX_BYTES},
        {"labels": {"a" * MAX_BYTES: "x", "b": "x" * MAX_BYTES, "c": "y"}},
        {"more": "x" * MAX_BYTES},
    ],
)
def test_no_odd_field_costs_the_alert(data: dict[str, Any]) -> None:
    assert read({**FIRING, **data}).title


def test_what_is_cut_to_fit_is_what_the_desk_would_cut() -> None:
    long = {"dedup_key": "k" * 1001, "title": "t" * 1001, "description": "d" * MAX_BYTES, "labels": {"a": "b" * 1001}}
    short = {**long, "description": "d" * 32_001}
    assert build("alert.firing", long, source="/m").body != build("alert.firing", short, source="/m").body
    whole, cut = read(short), read(long)
    assert (cut.dedup_key, cut.title, cut.description, cut.labels) == (
        whole.dedup_key,
        whole.title,
        whole.description,
        whole.labels,
    )


def test_the_largest_alert_has_room() -> None:
    labels = {f"{number:\x01<{alerts.LABEL_NAME}}": "\x01" * 2000 for number in range(100)}
    data = dict.fromkeys((*alerts.BOUNDS, "dedup_key"), "\x01a" * 20_000)
    signal = read({**data, "labels": labels}, source="\x01a" * 300, event_id="\x01a" * 300, subject="\x01a" * 300)
    assert signal.labels
    assert len(build("alert.firing", {**data, "labels": labels}, source="s").body) > MAX_BYTES - 2 * ATTRIBUTE_BYTES


def test_what_is_blank_and_the_bounds_are_the_desks() -> None:
    assert (alerts._UNSEEN, alerts._HIDDEN) == (names._UNSEEN, names._HIDDEN)
    bounds = {"outage": 255, "severity": bending.MAX_NAME, **bending._NAMES, **bending._PROSE}
    assert bounds == alerts.BOUNDS
    assert (alerts.KEY, alerts.LABELS, alerts.LABEL_NAME, alerts.LABEL) == (
        bending.MAX_KEY,
        bending.MAX_LABELS,
        bending.MAX_LABEL_NAME,
        bending.MAX_LABEL,
    )


words = st.text(max_size=4) | st.sampled_from(["", " ", "\u200b\nx", "\n", "\u0301", "a" * 201])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
    max_leaves=4,
)
FIELDS = ("dedup_key", "labels", "severity", "title", "ci", "service", "url", "source", "description", "outage")


@given(data=st.dictionaries(st.sampled_from(FIELDS), json_values))
def test_the_client_refuses_what_says_nothing_and_nothing_else(data: dict[str, Any]) -> None:
    plain = {name: alerts._plain(value, 8) for name, value in data.items()}
    heard = bending.bent(make_envelope(source="/m", data=plain), AlertRules())
    try:
        assert read(data).dedup_key == heard.dedup_key
    except InvalidField as error:
        # The desk would have to call it by its sender, or by a list.
        assert (error.field, heard.titled) == ("dedup_key", False)
        assert not isinstance(plain.get("dedup_key"), str) or alerts.is_blank(plain["dedup_key"])


@pytest.mark.parametrize(
    "overrides",
    [
        {"event_id": ""},
        {"event_id": "\u00e9" * 128},
        {"event_id": "a\nb"},
        {"event_id": "a\udcff"},
        {"event_id": 7},
        {"lane": "fast"},
        {"lane": ""},
        {"subject": ""},
        {"correlationid": "c" * 300},
        {"source": "/m\udcff\n" + "s" * 300},
    ],
)
def test_no_odd_attribute_costs_the_alert(overrides: dict[str, Any]) -> None:
    envelope = decode(build("alert.firing", FIRING, **{"source": "/m", **overrides}).body)
    assert envelope.lane is Lane.NORMAL
    assert envelope.id


def test_an_id_that_cannot_travel_still_tells_a_repetition() -> None:
    first, again, other = (build("alert.firing", FIRING, source="/m", event_id=f"{'x' * 300}{end}") for end in "aab")
    assert first.id == again.id != other.id


ODD = [
    *([f"--{name}", ""] for name in ("ci", "service", "time", "id", "lane", "source")),
    ["--label", "a"],
    ["--label", "=b"],
    ["--label", ""],
    ["--label", f"{'a' * 201}=b"],
    ["--time", "yesterday"],
    ["--lane", "fast"],
    ["--title", "t" * 1001],
    ["--ci", "c" * 256],
    ["--id", "St\udcf6rung"],
    ["--source", "/St\udcf6rung"],
]
ODD_OF_REPORT = [
    *(["--severity", word] for word in ("CRITICAL", "unknown", "DOWN", "")),
    *([f"--{name}", ""] for name in ("url", "description")),
    ["--url", "u" * 2001],
]


@pytest.mark.parametrize(
    ("command", "extra"),
    [*(("report", extra) for extra in ODD_OF_REPORT + ODD), *(("resolve", extra) for extra in ODD)],
)
def test_no_odd_argument_costs_the_alert(command: str, extra: list[str], tmp_path: Path) -> None:
    assert keep(tmp_path, command, "--dedup-key", "k", "--title", "t", *extra)["data"]["dedup_key"] == "k"


def test_a_severity_that_is_not_given_is_an_error(tmp_path: Path) -> None:
    assert keep(tmp_path, "report", "--title", "t", "--severity", " ")["data"] == {"title": "t", "severity": "error"}


def test_a_time_that_cannot_be_read_is_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(tmp_path, "resolve", "--dedup-key", "k", "--time", "yesterday")
    assert "time: 'yesterday' is not an RFC 3339 time" in capsys.readouterr().err


def test_a_source_of_odd_bytes_in_the_environment_costs_no_alert(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESKWIRE_SOURCE", "/St\udcf6rung")
    assert keep(tmp_path, "report", "--title", "t")["source"] == "/St\ufffdrung"


@pytest.mark.parametrize("extra", [[], ["--dedup-key", ""], ["--title", "\t"], ["--severity", "critical"]])
def test_an_alert_that_says_nothing_is_refused(extra: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--uri", AWAY, "--json", *extra]) == 2
    assert json.loads(capsys.readouterr().err)["field"] == "dedup_key"
