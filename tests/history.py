"""A log of another desk: where the sample lies, and the true figures straight from rows."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from deskwire.replay.formats import Row, volvo

NAME = "volvo-it-incidents.sample.csv.gz"
SAMPLE = Path(os.environ.get("DESKWIRE_SAMPLE_DATA") or Path(__file__).parents[2] / "shared" / "data") / NAME

needs_sample = pytest.mark.skipif(
    not SAMPLE.is_file(), reason=f"{NAME} is not there: set DESKWIRE_SAMPLE_DATA to its folder"
)


def summary(log: Iterable[Row]) -> dict[str, Any]:
    """The true figures, straight from the rows."""
    cases: dict[str, list[Row]] = {}
    for row in log:
        cases.setdefault(row["sr_number"], []).append(row)
    paths = [[volvo.LEVELS[row["support_level"]] for row in case] for case in cases.values()]
    return {
        "incidents": len(cases),
        "last": Counter(case[-1]["sub_status"] for case in cases.values()),
        "level1_only": sum(set(path) == {1} for path in paths),
        "level_changes": sum(a != b for path in paths for a, b in pairwise(path)),
        "ping_pong": sum(returns(path) for path in paths),
        "reopened": sum(
            any(a["status"] == "Completed" != b["status"] for a, b in pairwise(case)) for case in cases.values()
        ),
    }


def returns(path: list[int]) -> bool:
    stays = [path[0], *(b for a, b in pairwise(path) if a != b)]
    return len(stays) > len(set(stays))
