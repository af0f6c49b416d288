"""What a tick finds due, done in portions that fit one transaction; what fails alone holds up nothing else."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from shared import logs
from shared.errors import Conflict, Unavailable
from shared.unit_of_work import UnitOfWork, Work

T = TypeVar("T")
Postpone = Callable[[Work, Exception], str | None]
"""Puts off the first of what is due, which failed so, and names it."""

log = logs.get(__name__)


def in_portions(unit_of_work: UnitOfWork, block: Callable[[Work, int], T], postpone: Postpone, most: int) -> T | None:
    """What `block` returns for up to `most` of what is due, fewer where that would write too much.

    Where it fails, the first is tried alone; where that fails too, `postpone` puts it off and names it, the log tells
    it, and None is returned. Raises Conflict and Unavailable, which are no fault of what is due.
    """
    try:
        return unit_of_work.run_fitting(block, most)
    except (Conflict, Unavailable):
        raise
    except Exception as error:
        if most > 1:
            return in_portions(unit_of_work, block, postpone, 1)
        name = unit_of_work.run(partial(_put_off, postpone=postpone, error=error))
        log.error("put off", subject=name, error=f"{type(error).__name__}: {error}"[:300])
        return None


def _put_off(work: Work, *, postpone: Postpone, error: Exception) -> str | None:
    return postpone(work, error)
