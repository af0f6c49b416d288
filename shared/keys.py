"""Keys made of parts, so that no two lists of parts give the same key."""

from __future__ import annotations


def separated(*parts: str) -> str:
    """The parts as one text, for a digest: no two different lists of parts give the same.

    Between them stands the unit separator of ASCII; one within a part has the record separator before it, which then
    stands for itself when it comes twice. Parts without either are as they always were, and so are ids made of them.
    """
    return "\x1f".join(part.replace("\x1e", "\x1e\x1e").replace("\x1f", "\x1e\x1f") for part in parts)


def joined(*parts: str) -> str:
    """The parts with colons between them, for a key: no two lists of as many parts give the same text.

    The last part stands as it is, so keys of one collection must all have the same number of parts.
    """
    *leading, last = parts
    return ":".join([*(part.replace("%", "%25").replace(":", "%3A") for part in leading), last])
