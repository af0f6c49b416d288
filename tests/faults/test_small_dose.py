"""The small dose of the fault run, as every change has to pass it: 1,000 events, at least 40 faults."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.broker import find_server
from deploy.local.folders import ROOT

LEAST_EVENTS = 1_000
SEED = 7
"""The same faults each time, so that a failure is the change's; DESKWIRE_FAULTS_SEED tries others."""
LEAST_FAULTS = 40
LISTS = 9
DEADLINE_SECONDS = 540


@pytest.mark.timeout(DEADLINE_SECONDS + 30)
def test_no_fault_loses_or_doubles_anything(tmp_path: Path) -> None:
    if find_server() is None:
        pytest.skip("RabbitMQ is not on this machine")
    seed = int(os.environ.get("DESKWIRE_FAULTS_SEED", SEED))
    command = [sys.executable, "-m", "tests.faults", "--json", "--seed", str(seed), "--folder", str(tmp_path)]

    # A process of its own: what it starts ends with it, and its extra service stays out of this one.
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, timeout=DEADLINE_SECONDS, check=False)

    assert run.stdout, f"the run with seed {seed} ended with {run.returncode} and said nothing"
    outcome = json.loads(run.stdout)
    complaints = {one["scenario"]: one["complaints"] for one in outcome["scenarios"] if one["complaints"]}
    assert (run.returncode, complaints) == (0, {}), f"seed {seed}"
    assert outcome["events"] >= LEAST_EVENTS
    assert len(outcome["growth"]) == LISTS
    assert outcome["faults"] >= LEAST_FAULTS
