"""Where the project lies. A file of its own, because the bootstrap reads it with whatever Python `python3` is."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
