"""Both channels against peers that go wrong at each step: every attempt ends, and says what can be known."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from deploy.local.folders import ROOT
from services.notify.domain.outcome import Outcome, Result
from tests.integration.notify_channels.sending import OPEN, mail, post
from tests.misbehaviour import ANSWERED, HANDED_OVER, HTTP_STEPS, SMTP_STEPS, Manner, peer

SECONDS = 0.4
CASES = [(step, manner) for step in (*SMTP_STEPS, *HTTP_STEPS) for manner in Manner]


def attempt(step: str, port: int) -> Result:
    """The result of one attempt, which must end by itself."""
    results: list[Result] = []

    def run() -> None:
        if step in HTTP_STEPS:
            results.append(post(f"http://127.0.0.1:{port}/", replace(OPEN, timeout_seconds=SECONDS)))
        else:
            results.append(mail(port, timeout_seconds=SECONDS))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(30)
    assert results, "the attempt did not end"
    return results[0]


@pytest.mark.parametrize(("step", "manner"), CASES)
def test_an_attempt_ends_whatever_the_other_side_sends(step: str, manner: Manner) -> None:
    with peer(step, manner) as server:
        result = attempt(step, server.port)
    if step in ANSWERED:
        assert result.outcome is Outcome.SENT
    elif step in HANDED_OVER:
        assert result.outcome is Outcome.DOUBTFUL
    else:
        assert result.outcome is Outcome.RETRY
    assert server.calls == 1


@pytest.mark.parametrize("step", ["ehlo", "final", "informational", "status"])
def test_a_peer_that_never_stops_sending_keeps_no_green_thread_from_its_turn(step: str) -> None:
    """In a process made green as a service is: with the peer at its worst, others have their turn all the time."""
    program = [sys.executable, "-m", "tests.integration.notify_channels.green_turns"]
    with peer(step, Manner.ENDLESS) as endless, peer(step, Manner.DRIPPING) as dripping:
        done = subprocess.run(
            [*program, step, str(endless.port), str(dripping.port)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["outcomes"] == ["doubtful" if step in HANDED_OVER else "retry"] * 2
    assert told["turns"] >= 10
