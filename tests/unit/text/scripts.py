"""Texts as strangers send them: all scripts, joiners, emoji, directions, controls, and what looks like markup."""

from __future__ import annotations

from hypothesis import strategies as st

WORDS = (
    "Disk full",
    "im Server für Größe nicht Süd prüfen",
    "=?utf-8?q?x=0ABcc:_victim=40example.org=0AReply-To:_evil=40example.org?=",
    "=?utf-8?b?QmNjOiBh?=",
    "=?",
    "?=",
    "a\r\nBcc: all@example.org\r\n\r\nbody",
    "\r",
    "\n.\n",
    "\x85",
    "\u2028",
    "\u2029",
    "\x0b\x0c",
    "\x1b[31m",
    "\x1b]8;;https://evil.example\x07link\x1b]8;;\x07",
    "\x9b2J",
    "\x00\x07\x08\x7f",
    "[bold]",
    "[/]",
    "[link=https://evil.example]",
    ":smile:",
    "\\",
    "<script>alert(1)</script>",
    "\"'&amp;&#0;",
    "=HYPERLINK()",
    "+1",
    "-1",
    "@SUM(1)",
    "＝1+1",
    ";=1+1",
    '","=1+1',
    "\u202egpj.exe",
    "\u202dabc\u202c",
    "\u202b+49 170\u202c",
    "\u2067שלום\u2069",
    "\u2069\u2069",
    "\u200e\u200f\u061c",
    "می\u200cخواهم",
    "क्\u200dष",
    "👩\u200d👩\u200d👧",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "👍🏽",
    "❤\ufe0f",
    "🇩🇪🇫🇷",
    "e\u0301",
    "각",
    "中文",
    "à propos\u00a0: déjà",
    "\ud800",
    "\udfff",
    "\ufeff",
    "\t",
    "  ",
)

letters = st.characters(codec=None)
texts = st.one_of(
    st.lists(st.one_of(st.sampled_from(WORDS), st.text(letters, max_size=8), st.just(" ")), max_size=12).map("".join),
    st.text(letters, max_size=300),
)
"""Any text that Python can hold, lone surrogates too; what has led readers astray comes often."""
