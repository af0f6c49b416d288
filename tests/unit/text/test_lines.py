"""What of a text stays, what is shown by a stand-in, and where a text may be cut."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.text.clusters import LONGEST, clusters, cut
from shared.text.lines import many_lines, one_line
from tests.unit.text.scripts import texts

FAMILY = "👩\u200d👩\u200d👧"
ENGLAND = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"


@pytest.mark.parametrize(
    "text",
    [
        "à propos\u00a0: déjà",
        "e\u0301a\u0300",
        "می\u200cخواهم",
        "क्\u200dष",
        f"{FAMILY} {ENGLAND} 👍🏽 ❤\ufe0f 🇩🇪🇫🇷",
        "\u200eשלום\u200f \u061cسلام",
        "\u202b+49 170\u202c \u2067a \u2066b\u2069\u2069",
        "中文\u3000한국어",
        "two  spaces",
    ],
)
def test_what_people_write_stays_as_they_wrote_it(text: str) -> None:
    assert one_line(text) == text
    assert many_lines(text) == text


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x85", "\u2028", "\u2029", " \t\r\n \n"])
def test_a_line_end_is_a_space_in_one_line(end: str) -> None:
    assert one_line(f"a{end}b{end}") == "a b"


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"])
def test_every_line_end_is_a_line_feed_in_many(end: str) -> None:
    assert many_lines(f"a{end}\tb") == "a\n\tb"


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x08", "\x7f", "\x9b", "\x1c", chr(0xD800), chr(0xDFFF)])
def test_a_control_character_and_half_a_pair_are_shown(character: str) -> None:
    assert one_line(f"a{character}b") == many_lines(f"a{character}b") == "a\ufffdb"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\u202egpj.exe", "\ufffdgpj.exe"),
        ("\u202da\u202c", "\ufffda\ufffd"),
        ("\u2067a", "\ufffda"),
        ("a\u2069 b", "a\ufffd b"),
        ("\u2067a \u202bb\u2069", "\u2067a \ufffdb\u2069"),
        ("\u202ba\n\u202cb", "\ufffda\n\ufffdb"),
    ],
)
def test_what_turns_the_text_around_it_is_shown(text: str, shown: str) -> None:
    assert many_lines(text) == shown


@settings(deadline=None)
@given(text=texts)
def test_one_line_has_no_end_and_no_control_and_stays_the_same(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert {unicodedata.category(character) for character in line}.isdisjoint({"Cc", "Cs", "Zl", "Zp"})
    assert one_line(line) == line
    line.encode()


@settings(deadline=None)
@given(text=texts)
def test_many_lines_end_by_line_feeds_alone_and_stay_the_same(text: str) -> None:
    lines = many_lines(text)
    assert lines.splitlines() == lines.removesuffix("\n").split("\n") or not lines
    assert many_lines(lines) == lines
    lines.encode()


@settings(deadline=None)
@given(text=texts)
def test_clusters_are_the_text(text: str) -> None:
    parts = list(clusters(text))
    assert "".join(parts) == text
    assert all(0 < len(part) <= LONGEST for part in parts)


@pytest.mark.parametrize(
    "cluster", [FAMILY, ENGLAND, "👍🏽", "❤\ufe0f", "🇩🇪", "e\u0301\u0323", "\u1112\u1161\u11ab", "क्", "\r\n"]
)
def test_what_people_take_for_one_character_is_one_cluster(cluster: str) -> None:
    assert list(clusters(f"a{cluster}{cluster}b")) == ["a", cluster, cluster, "b"]


@settings(deadline=None)
@given(text=texts, length=st.integers(1, 60))
def test_a_cut_text_fits_and_ends_after_a_whole_cluster(text: str, length: int) -> None:
    shown = cut(text, length)
    assert len(shown) <= length
    if shown != text:
        kept = shown.removesuffix("…")
        assert text.startswith(kept)
        assert len(kept) in {0, *_ends(text)}


def _ends(text: str) -> list[int]:
    ends = [0]
    for cluster in clusters(text):
        ends.append(ends[-1] + len(cluster))
    return ends
