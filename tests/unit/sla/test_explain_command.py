"""`deskwire sla explain` and `check`: what a person sees, what a program reads, and what a page proves."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deskwire.cli import Exit, cli
from deskwire.sla.chart import Look, Piece, bar
from deskwire.sla.signing import find_or_make_key, fingerprint, public_of
from deskwire.sla.times import Zone, length
from shared.errors import DeskwireError, Invalid, Unavailable
from tests.unit.sla.calls import connect
from tests.unit.sla.factories import SlaInMemory, make_event
from tests.unit.sla.lives import life

NUMBER = "INC0000001"
HOSTILE = "</script><script>alert(1)</script><b>&"


@pytest.fixture(autouse=True)
def desk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SlaInMemory:
    """A desk with one record's whole life, and its own place for a key."""
    monkeypatch.setenv("DESKWIRE_SLA_SIGNING_KEY_FILE", str(tmp_path / "keys" / "key.pem"))
    sla = SlaInMemory()
    sla.take(*life())
    sla.clock.advance(timedelta(days=30))
    connect(monkeypatch, sla)
    return sla


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["sla", *words], standalone_mode=False)


def write_page(folder: Path) -> Path:
    file = folder / "proof.html"
    assert run("explain", NUMBER, "--zone", "Europe/Berlin", "--html", str(file)).exception is None
    return file


def test_a_person_sees_each_clock_with_its_spans_in_their_own_zone() -> None:
    shown = run("explain", NUMBER.lower(), "--zone", "Europe/Berlin").output
    assert "resolution  breached" in shown
    assert "2026-03-02 10:30:00 +01:00" in shown
    assert "paused, waiting for user" in shown
    assert "incident.assigned INC0000001-4" in shown
    assert "\x1b" not in shown


def test_a_bar_shows_what_ran_and_what_was_late() -> None:
    lines = run("explain", NUMBER, "--zone", "UTC").output.splitlines()
    (drawn,) = [line for line in lines if line.startswith("resolution ") and "░" in line]
    assert drawn[11:].index("█") < drawn[11:].index("░") < drawn[11:].index("▓")


def test_an_instant_without_an_offset_is_one_of_the_shown_zone() -> None:
    answer = json.loads(run("explain", NUMBER, "--at", "2026-03-02T10:20", "--zone", "Europe/Berlin", "--json").output)
    assert answer["as_of"] == "2026-03-02T09:20:00.000Z"
    assert [clock["state"] for clock in answer["clocks"]] == ["running", "met"]


def test_an_unknown_zone_or_instant_or_number_is_refused_in_a_sentence() -> None:
    for words in ([NUMBER, "--zone", "Mars/Base"], [NUMBER, "--at", "yesterday"]):
        assert isinstance(run("explain", *words).exception, Invalid)
    refused = run("explain", "INC0000009").exception
    assert isinstance(refused, DeskwireError)
    assert refused.slug == "not-found"


def test_a_page_gives_the_reason_in_the_agreements_own_words(tmp_path: Path) -> None:
    said = json.loads(run("explain", NUMBER, "--json").output)["clocks"][0]["why"]
    assert "because" in said
    assert f"M{said[1:]}. Calendar" in write_page(tmp_path).read_text()


def test_a_page_that_nobody_touched_is_as_it_was_signed(tmp_path: Path) -> None:
    result = run("check", str(write_page(tmp_path)))
    assert (result.return_value, result.output.strip().endswith("INC0000001, 2026-04-01T09:00:00.000Z.")) == (0, True)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("breached</span>", "met</span>"),
        ('"elapsed_seconds": ', '"elapsed_seconds": 1'),
        ("</body>", "<script>document.title=''</script></body>"),
        ('id="proof">{', 'id="proof">{x'),
        ('id="proof"', 'id="gone"'),
    ],
)
def test_whatever_is_changed_on_a_page_is_found(tmp_path: Path, old: str, new: str) -> None:
    file = write_page(tmp_path)
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    assert run("check", str(file)).return_value == Exit.NOT_WELL


def test_a_page_signed_by_another_key_is_not_this_desks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_page(tmp_path)
    signer = json.loads(run("check", str(file), "--json").output)["signer"]
    monkeypatch.setenv("DESKWIRE_SLA_SIGNING_KEY_FILE", str(tmp_path / "other.pem"))
    assert isinstance(run("check", str(file)).exception, Unavailable)
    find_or_make_key(tmp_path / "other.pem")
    assert run("check", str(file)).return_value == Exit.NOT_WELL
    assert run("check", str(file), "--key", signer).return_value == Exit.DONE


def test_a_page_loads_nothing_and_no_text_of_a_record_becomes_markup(desk: SlaInMemory, tmp_path: Path) -> None:
    desk.take(make_event(data={"number": "INC0000002", "team": HOSTILE, "service": HOSTILE}))
    file = tmp_path / "hostile.html"
    run("explain", "INC0000002", "--html", str(file))
    text = file.read_text()
    assert text.count("<script") == text.count("</script") == 1
    assert "<b>" not in text
    assert not any(word in text for word in ("http://", "https://", "src=", "@import", "url("))
    assert run("check", str(file)).return_value == Exit.DONE


def test_the_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "made" / "key.pem"
    first, again = find_or_make_key(file), find_or_make_key(file)
    assert fingerprint(public_of(first)) == fingerprint(public_of(again))
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_no_key_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text("something else")
    with pytest.raises(Unavailable, match="cannot be read as a key"):
        find_or_make_key(file)
    assert file.read_text() == "something else"


def test_each_character_of_a_bar_shows_what_fills_most_of_its_time() -> None:
    drawn = [Piece(start=0, end=59, look=Look.RUNNING), Piece(start=59, end=100, look=Look.PAUSED)]
    assert bar(drawn, 0, 100, width=10) == [(Look.RUNNING, 6), (Look.PAUSED, 4)]
    assert bar(drawn, 0, 0) == []


@pytest.mark.parametrize(
    ("seconds", "text"), [(4.25, "4.25s"), (0, "0s"), (7260, "2h 01m 00s"), (-90, "-1m 30s"), (360_000, "100h 00m 00s")]
)
def test_lengths_read_as_hours_minutes_and_seconds(seconds: float, text: str) -> None:
    assert length(seconds) == text


def test_the_hour_that_comes_twice_is_told_apart_by_its_offset() -> None:
    zone = Zone("Europe/Berlin")
    assert [zone.at(f"2026-10-25T0{hour}:30:00Z") for hour in (0, 1)] == [
        "2026-10-25 02:30:00 +02:00",
        "2026-10-25 02:30:00 +01:00",
    ]
