"""Stubborn keeps no record; its inbox says what it has handled."""

from __future__ import annotations

from typing import Any

DOCUMENTS: tuple[Any, ...] = ()
