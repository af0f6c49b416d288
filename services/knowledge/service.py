"""The door of knowledge: it starts, tells whether it is ready, and owns its exchange."""

from __future__ import annotations

from shared.runtime import Desk


class KnowledgeService:
    """Has its runtime and no entrypoint."""

    name = "knowledge"

    desk = Desk()
