"""The first seconds of a queue, in which RabbitMQ would not find it again after a kill.

RabbitMQ writes down which queues it leads a moment after declaring them. A node that is killed within that moment
(more than 1 s, less than 2.5 s on RabbitMQ 3.10) comes back with quorum queues that answer nothing, for good, and now
and then without a classic queue and what was confirmed in it. So the first declaration on a fresh node is given time
before anything is published, and a node that died during it starts anew: nothing had been accepted yet.
"""

from __future__ import annotations

import shutil
from pathlib import Path

SECONDS = 3.0
_MARK = "settled"


def is_settled(folder: Path) -> bool:
    """Whether the first declaration on the node in `folder` is safe from kills."""
    return (folder / _MARK).exists()


def mark(folder: Path) -> None:
    """It is."""
    (folder / _MARK).touch()


def forget_unsettled(folder: Path) -> None:
    """Remove the data of a node that died before its first declaration was safe."""
    if not is_settled(folder):
        shutil.rmtree(folder / "data", ignore_errors=True)
