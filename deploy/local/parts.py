"""What a supervisor is given: the parts of a stack, and somebody to tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from deploy.local.backing import Backing
from deploy.local.stack import Plan


class Reporter(Protocol):
    """Who tells the person what happens."""

    def starting(self, names: Sequence[str]) -> None:
        """These are about to be started, together."""

    def ready(self, name: str, seconds: float) -> None:
        """This one is ready, so many seconds after its start."""

    def say(self, sentence: str) -> None:
        """Anything else worth a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What is to be run: broker and database, the module that declares the topology, and the processes."""

    backing: Backing
    plans: tuple[Plan, ...]
    declare: tuple[str, ...] = ("shared.prepare",)
