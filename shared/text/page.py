"""Text in a page of HTML or in a picture of SVG within one: characters, no markup, and no direction for what stands
around it."""

from __future__ import annotations

from html import escape

from shared.text.lines import one_line


def inline(text: str) -> str:
    """HTML that reads as the text in one line, in an element or in a quoted attribute.

    Not for the content of `script` and `style`, where HTML has no references to characters.
    """
    return escape(one_line(text), quote=True)


def isolated(text: str) -> str:
    """The same in an element of its own, whose direction follows the text and ends with it (`bdi`, HTML 4.5.25)."""
    return f"<bdi>{inline(text)}</bdi>"
