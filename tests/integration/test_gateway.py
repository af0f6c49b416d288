"""The gateway as a process: what it says, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from deploy.local.folders import ROOT
from deploy.local.ports import free_port


@contextmanager
def started(**environment: str) -> Iterator[subprocess.Popen[str]]:
    """The process, its log in a pipe; gone after the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "services.gateway.service"],
        cwd=ROOT,
        env={**os.environ, "LOG_FORMAT": "json", "DESKWIRE_OPS_PORT": str(free_port()), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def test_its_log_is_json_from_start_to_stop() -> None:
    with started() as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        lines = [first, *map(json.loads, process.communicate(timeout=20)[0].splitlines())]
    assert [(line["event"], line["service"], line["level"]) for line in lines] == [
        ("started", "gateway", "info"),
        ("stopped", "gateway", "info"),
    ]
    assert process.returncode == 0


def test_a_wrong_setting_is_one_sentence_and_the_exit_code_for_it() -> None:
    with started(LOG_LEVEL="LOUD") as process:
        said = process.communicate(timeout=20)[0]
    assert process.returncode == 78
    assert said.startswith("deskwire gateway: ")
    assert "LOG_LEVEL" in said
    assert len(said.splitlines()) == 1
