"""What a terminal gets of the texts of strangers."""

from __future__ import annotations

import json

import pytest

from deskwire import cli
from deskwire.commands import dead, incidents
from deskwire.console import Voice, harmless
from shared.deadletter import DeadLetter
from shared.errors import Rejected

CLIPBOARD = "\x1b]52;c;cm0gLXJmIC8K\x07"
HOSTILE = f"Disk{CLIPBOARD}\x1b[2J\x9b31m\x7f\r full\u202efdp\u2066"
SHOWN = "Disk\N{REPLACEMENT CHARACTER}]52"


def is_harmless(text: str) -> bool:
    """Whether a terminal only prints it."""
    return all(char in "\t\n" or char.isprintable() for char in text)


def test_control_characters_and_turned_directions_are_replaced() -> None:
    assert is_harmless(harmless(HOSTILE))
    assert harmless(HOSTILE).startswith(SHOWN)


def test_lines_tabs_and_the_letters_of_the_world_stay() -> None:
    text = "à propos\n\tשלום 中文 [bold] ✓"
    assert harmless(text) == text


def test_a_line_and_a_table_are_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    voice = Voice(as_json=False)
    voice.line(HOSTILE)
    voice.table(("title",), [(HOSTILE,)])
    said = capsys.readouterr().out
    assert is_harmless(said)
    assert said.count(SHOWN) == 2


def test_a_hostile_title_is_listed_and_shown_harmlessly(capsys: pytest.CaptureFixture[str]) -> None:
    voice = Voice(as_json=False)
    voice.table(incidents.COLUMNS, [incidents._row({"number": "INC0000001", "title": HOSTILE, "team": HOSTILE})])
    entry = {"at": HOSTILE, "type": HOSTILE, "by": HOSTILE, "change": {HOSTILE: [HOSTILE]}}
    incidents._tell_history(voice, [entry])
    assert is_harmless(capsys.readouterr().out)


def test_a_hostile_dead_letter_is_listed_and_shown_harmlessly(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead, "_browse", lambda *_: iter([make_letter()]))
    dead.list_.callback("sla", 100, False)  # type: ignore[misc]
    dead.show.callback("sla", HOSTILE, False)  # type: ignore[misc]
    said = capsys.readouterr().out
    assert is_harmless(said)
    assert said.count(SHOWN) >= 4


def test_an_error_that_quotes_a_stranger_is_harmless(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["deskwire", "show", "INC0000001"])
    cli._tell(Rejected(HOSTILE))
    assert is_harmless(capsys.readouterr().err)


def test_json_keeps_every_character_and_is_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    Voice(as_json=True).answer({"title": HOSTILE})
    said = capsys.readouterr().out
    assert is_harmless(said)
    assert json.loads(said) == {"title": HOSTILE}


def make_letter() -> DeadLetter:
    return DeadLetter(
        consumer="sla",
        message_id=HOSTILE,
        reason=HOSTILE,
        error=HOSTILE,
        pointer=HOSTILE,
        queue=HOSTILE,
        attempts=1,
        first_failed_at=None,
        sender=HOSTILE,
        body=HOSTILE.encode(),
        content_type=HOSTILE,
    )
