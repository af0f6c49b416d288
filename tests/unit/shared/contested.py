"""A store on which other writers are first, and blocks to try on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from shared.envelope import Envelope
from shared.store import Writes
from shared.testing import MemoryStore, make_unit_of_work
from shared.unit_of_work import Work


class ContestedStore(MemoryStore):
    """Another writer is first as often as `rivals` says, with what it then does."""

    def __init__(self, rivals: Sequence[Callable[[MemoryStore], None]]) -> None:
        super().__init__()
        self._rivals = list(rivals)

    def commit(self, writes: Writes) -> None:
        if self._rivals:
            self._rivals.pop(0)(self)
        super().commit(writes)


def count_up(work: Work) -> int:
    row = work.load("counts", ["a"]).get("a", {"n": 0})
    return int(work.put("counts", "a", {"n": row["n"] + 1})["n"])


def rival_counts_up(store: MemoryStore) -> None:
    rival = MemoryStore()
    rival.collections = store.collections
    make_unit_of_work(rival).run(count_up)


def keep_all(work: Work, envelopes: Sequence[Envelope]) -> None:
    for envelope in envelopes:
        work.append("seen", f"{envelope.source}:{envelope.id}", {})


def seen(store: MemoryStore) -> list[str]:
    return sorted(store.collections.get("seen", {}))
