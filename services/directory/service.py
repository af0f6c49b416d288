"""The door of directory: it starts, tells whether it is ready, and owns its exchange."""

from __future__ import annotations

from shared.runtime import Desk


class DirectoryService:
    """Has its runtime and no entrypoint."""

    name = "directory"

    desk = Desk()
