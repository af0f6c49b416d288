"""Services that only the fault run knows. `join` lets them live beside the house's own in this process."""

from __future__ import annotations

from pathlib import Path

import services

STUBBORN = "stubborn"


def join() -> None:
    """Add this folder to the package `services`, so that catalogue and topology find what is in it."""
    folder = str(Path(__file__).parent)
    if folder not in services.__path__:
        services.__path__.append(folder)
