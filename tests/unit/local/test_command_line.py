"""The command as a shell starts it: arguments of any bytes, and outputs that take nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import pytest


def run(folder: Path, *words: str | bytes, **options: Any) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "DESKWIRE_VAR": str(folder), "AMQP_URI": "amqp://127.0.0.1:1/"}
    command = [sys.executable, "-m", "deskwire", *words]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run(command, env=environment, timeout=60, check=False, **streams)


@pytest.mark.parametrize(
    "words",
    [
        ("show", b"INC\xff1"),
        ("show", b"\xff"),
        ("show", "--json", b"INC\xff1"),
        ("deliveries", "--recipient", b"\xff"),
        ("deliveries", "--cursor", b"\xff"),
        ("resend", b"\xff"),
        ("incidents", "--state", b"\xff"),
        ("incidents", "--after", b"\xff"),
        ("sla", "explain", b"INC\xff1"),
        ("dead", "list", b"\xff"),
    ],
)
def test_an_argument_that_is_no_text_is_refused_in_a_sentence(words: tuple[str | bytes, ...], tmp_path: Path) -> None:
    done = run(tmp_path, *words)
    assert done.returncode in (2, 5)
    assert done.stderr
    assert b"Traceback" not in done.stderr


@pytest.fixture
def full() -> Any:
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no device that is always full")
    with open("/dev/full", "wb") as device:
        yield device


@pytest.mark.parametrize("words", [("topology",), ("topology", "--json"), ("--help",), ("doctor", "--help")])
def test_an_output_that_is_full_is_said_in_a_sentence(words: tuple[str, ...], tmp_path: Path, full: IO[bytes]) -> None:
    done = run(tmp_path, *words, stdout=full)
    assert done.returncode == 1
    assert done.stderr == b"The answer cannot be written: No space left on device.\n"


@pytest.mark.parametrize("words", [("topology",), ("topology", "--json"), ("doctor", "--help")])
def test_an_output_that_is_closed_ends_nothing(words: tuple[str, ...], tmp_path: Path) -> None:
    done = run(tmp_path, *words, stdout=None, preexec_fn=lambda: os.close(1))
    assert (done.returncode, done.stderr) == (0, b"")
