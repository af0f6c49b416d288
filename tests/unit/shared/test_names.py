"""Names: what cannot be seen is no name, and what steers a terminal is none either."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from shared.formats import readable
from shared.names import is_blank, name_fault

BLANK = {
    "nothing": "",
    "a space": " ",
    "a no-break space": "\u00a0",
    "an ideographic space": "\u3000",
    "a zero-width space": "\u200b",
    "zero-width joiners": "\u200c\u200d",
    "a byte order mark": "\ufeff",
    "a soft hyphen": "\u00ad",
    "a word joiner": "\u2060",
    "a right-to-left mark": "\u200f",
    "an override": "\u202e",
    "a mark alone": "\u0301",
    "a mark on a space": " \u0301",
    "a variation selector": "\ufe0f",
    "a grapheme joiner": "\u034f",
    "a tag": "\U000e0041",
    "a Hangul filler": "\u3164",
    "a blank Braille pattern": "\u2800",
    "a NUL": "\0",
    "a tab": "\t",
    "a line separator": "\u2028",
    "an escape": "\x1b",
}


@pytest.mark.parametrize("text", BLANK.values(), ids=BLANK.keys())
def test_what_only_looks_like_something_is_blank(text: str) -> None:
    assert is_blank(text * 3)
    assert name_fault(text) == "must show something: it is empty, or looks so"


@pytest.mark.parametrize(
    "text", ["a", "0", "-", "é", "e\u0301", "试", "👩\u200d🚒", "किसी", " a ", "\u200ba", "\ue000"]
)
def test_what_shows_is_a_name(text: str) -> None:
    assert name_fault(text) is None
    readable(text)


@pytest.mark.parametrize("text", ["a\0b", "a\nb", "a\tb", "a\x1b[2J", "a\x7f", "a\x9b", "a\u2028b"])
def test_a_name_with_control_characters_is_none(text: str) -> None:
    assert name_fault(text) == "must not hold control characters"
    with pytest.raises(ValidationError):
        readable(text)


@given(st.text(st.sampled_from("".join(BLANK.values()))))
def test_nothing_becomes_visible_by_being_repeated(text: str) -> None:
    assert is_blank(text)
    assert not is_blank(f"{text}x{text}")
