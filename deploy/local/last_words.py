"""What a process that ended left in its log, for the one sentence that a person reads."""

from __future__ import annotations

import json

from deploy.local.process import Child

LINE_LENGTH = 300


def reason(child: Child) -> str:
    """The error in the last line of its log, else that line."""
    line = next(iter(child.last_lines(1)), f"see {child.log}")
    try:
        return str(json.loads(line)["error"])
    except (ValueError, KeyError, TypeError):
        return line


def last_words(child: Child) -> str:
    """How it ended, and the end of its log."""
    words = "\n".join(f"  {line[:LINE_LENGTH]}" for line in child.last_lines())
    return f"{child.name} does not start (exit code {child.exit_code}); its log {child.log} ends with:\n{words}"
