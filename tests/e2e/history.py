"""Another desk's history as files, and the operator's commands that bring it over and ask about it."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis

from deploy.local.folders import ROOT
from shared.clock import format_instant
from tests.house import House

SAMPLE = "volvo-it-incidents.sample.csv.gz"
FOLDER = Path(os.environ.get("DESKWIRE_SAMPLE_DATA") or ROOT.parent / "shared" / "data")
NIGHTLY = hypothesis.settings.get_current_profile_name() == "nightly"
"""Whether `make nightly` runs: what takes minutes is left to it."""
COLUMNS = (
    *("sr_number", "changed_at", "status", "sub_status", "function_division", "org_line", "support_team"),
    *("support_level", "impact", "product", "country", "owner_country", "owner"),
)

Rows = Sequence[tuple[str, str]]
IN_CALL: Rows = (("L1", "Accepted/In Progress"), ("L1", "Completed/In Call"))
HANDED_OVER: Rows = (
    *(("L1", "Accepted/In Progress"), ("L2", "Queued/Awaiting Assignment"), ("L2", "Accepted/Assigned")),
    *(("L2", "Accepted/Wait - User"), ("L2", "Completed/Resolved"), ("L2", "Completed/Closed")),
)
PING_PONG: Rows = (
    *(("L1", "Queued/Awaiting Assignment"), ("L2/L3", "Accepted/In Progress"), ("L1", "Accepted/In Progress")),
    *(("L1", "Completed/Resolved"), ("L1", "Completed/Closed")),
)
REOPENED: Rows = (
    *(("L1", "Accepted/In Progress"), ("L1", "Completed/Resolved"), ("L1", "Accepted/In Progress")),
    ("L1", "Completed/Closed"),
)
EXPERTS: Rows = (("L3", "Accepted/In Progress"), ("L3", "Accepted/Wait - Vendor"), ("L3", "Completed/Resolved"))
CASES = (*(IN_CALL,) * 8, *(HANDED_OVER,) * 5, *(PING_PONG,) * 3, *(REOPENED,) * 2, *(EXPERTS,) * 2)


def write_log(file: Path, rows: Sequence[dict[str, str]]) -> Path:
    """Write a log in the form of the real one, its rows in order of time."""
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, COLUMNS)
        writer.writeheader()
        writer.writerows(sorted(rows, key=lambda row: row["changed_at"]))
    return file


def make_rows(case: str, path: Rows, **overrides: str) -> list[dict[str, str]]:
    began = datetime(2012, 5, 7, 8, tzinfo=UTC)
    plain = dict.fromkeys(COLUMNS, "")
    return [
        {
            **plain,
            "sr_number": case,
            "changed_at": format_instant(began + timedelta(hours=hour)),
            "status": status.partition("/")[0],
            "sub_status": status.partition("/")[2],
            "support_team": f"team-{level}",
            "support_level": level,
            "impact": "Medium",
            "product": "PROD424",
            "owner": "Anne",
            **overrides,
        }
        for hour, (level, status) in enumerate(path)
    ]


def typed(house: House, *words: str) -> Any:
    """Type a command of the operator's; its answer as JSON."""
    environment = {
        **os.environ,
        "AMQP_URI": house.uri("operator"),
        "MONGODB_URI": house.database.uri,
        "DESKWIRE_DATABASE_PREFIX": house.prefix,
        "DESKWIRE_OPS_BASE": str(min(house.ports.values()) - 1),
        "DESKWIRE_VAR": str(house.folder / "var"),
    }
    argv = [sys.executable, "-m", "deskwire", *words, "--json"]
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def replay(house: House, file: Path) -> dict[str, Any]:
    """Bring a history over; the report."""
    report: dict[str, Any] = typed(house, "replay", str(file), "--format", "volvo")
    print(f"\n{report['events']:,} events in {report['seconds']:.1f} s: {report['events_per_second']:,.0f} a second")
    return report


def verified(house: House) -> tuple[int, Any]:
    """How many clocks were recomputed from their history, and which are stored otherwise."""
    found = typed(house, "sla", "verify")
    assert not any(found[name] for name in ("unproven", "lost", "outdated", "superseded", "bygone", "kept"))
    return found["checked"], found["differences"]
