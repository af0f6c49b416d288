"""The order in which journal rows get their positions, and up to which position each lane is published. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.envelope import Lane
from shared.store import JOURNAL, Document

FIRST: Document = {"_id": JOURNAL, "key": JOURNAL, "next": 1, "sent": {str(int(lane)): 0 for lane in Lane}}
"""Where positions and marks begin."""


def order(rows: Sequence[Document]) -> list[Document]:
    """The order in which rows get their positions: by id, which rises with time, and by version within a record.

    Clocks of two replicas may differ by a moment; a record's own versions never come out of order for that.
    """
    by_id = sorted(rows, key=lambda row: row["_id"])
    versions: dict[str, list[Document]] = {}
    for row in sorted(by_id, key=lambda row: row["sequence"], reverse=True):
        versions.setdefault(row["subject"], []).append(row)
    return [versions[row["subject"]].pop() for row in by_id]


class Marks:
    """Up to which position each lane is published. What was published beyond a row that was refused is known, too."""

    def __init__(self, sent: Mapping[str, int]) -> None:
        self.sent = {lane: int(sent[str(int(lane))]) for lane in Lane}
        self._beyond: dict[Lane, set[int]] = {lane: set() for lane in Lane}

    def document(self) -> dict[str, int]:
        """As it is stored."""
        return {str(int(lane)): position for lane, position in self.sent.items()}

    def done(self, row: Document) -> bool:
        """Whether a row needs no publishing any more."""
        lane = Lane(row["lane"])
        return int(row["position"]) <= self.sent[lane] or int(row["position"]) in self._beyond[lane]

    def settle(self, lane: Lane, positions: Sequence[int], refused: Sequence[int], until: int) -> None:
        """These positions of the lane are published, those refused are not, and the lane has no other up to `until`."""
        first = min(refused, default=until + 1)
        self._beyond[lane] |= {one for one in positions if one > first}
        self.sent[lane] = max(self.sent[lane], first - 1)
        self._beyond[lane] = {one for one in self._beyond[lane] if one > self.sent[lane]}
