"""The broker users' passwords, made once and kept in a file that its owner alone may read."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from shared.errors import Unavailable


def write_private(file: Path, content: Any) -> None:
    """Write JSON that the owner alone may read, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(file.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        json.dump(content, out, indent=2)
    fresh.replace(file)


def passwords(file: Path, users: Iterable[str]) -> dict[str, str]:
    """The password of each user; a user who has none yet gets a random one. Raises Unavailable on a damaged file."""
    try:
        known = json.loads(file.read_text())["broker"] if file.exists() else {}
    except (ValueError, KeyError, TypeError):
        raise Unavailable(f"{file} is damaged; remove it, and the users get new passwords.") from None
    complete = {user: known.get(user) or secrets.token_urlsafe(24) for user in users}
    if complete != known:
        write_private(file, {"broker": {**known, **complete}})
    return complete
