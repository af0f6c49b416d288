"""Attempts in green threads beside one that only wants its turn: how often it had it before they ended."""

from __future__ import annotations

# First, because it makes the standard library green.
import shared.runner  # noqa: F401

# isort: split
import json
import sys
from dataclasses import replace

import eventlet

from services.notify.domain.outcome import Outcome
from tests.integration.notify_channels.sending import OPEN, mail, post
from tests.misbehaviour import HTTP_STEPS

SECONDS = 1.0


def main(step: str, ports: list[int]) -> None:
    def attempt(port: int) -> Outcome:
        if step in HTTP_STEPS:
            return post(f"http://127.0.0.1:{port}/", replace(OPEN, timeout_seconds=SECONDS)).outcome
        return mail(port, timeout_seconds=SECONDS).outcome

    attempts = [eventlet.spawn(attempt, port) for port in ports]
    turns = 0
    while not all(one.dead for one in attempts):
        eventlet.sleep(0.01)
        turns += 1
    outcomes = [one.wait().value for one in attempts]
    print(json.dumps({"outcomes": outcomes, "turns": turns}))


main(sys.argv[1], [int(port) for port in sys.argv[2:]])
