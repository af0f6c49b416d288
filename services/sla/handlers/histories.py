"""Reads what questions are answered from: the histories of cases, as they came."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from services.sla.domain.case import Case
from services.sla.domain.history import Entry
from services.sla.handlers.rows import history_key, load_entries
from shared.unit_of_work import Work

AT_A_TIME = 1000
"""Rows in one read."""


def load_histories(work: Work, cases: Iterable[Case]) -> dict[str, tuple[Entry, ...] | None]:
    """For each incident the entries of all versions that its case has folded; None when some are no longer kept."""
    keys = {case.incident: [history_key(case.incident, version) for version in _versions(case)] for case in cases}
    wanted = iter([key for one in keys.values() for key in one])
    found = dict[str, Entry]()
    while part := list(islice(wanted, AT_A_TIME)):
        found.update(load_entries(work, part))
    return {
        incident: tuple(found[key] for key in own) if all(key in found for key in own) else None
        for incident, own in keys.items()
    }


def _versions(case: Case) -> range:
    return range(1, case.folded + 1)
