"""Runs notify with rounds of any length: it begins deliveries for an hour, and not for a second."""

from __future__ import annotations

import sys
from datetime import timedelta

# First, because it makes the standard library green.
from shared.runner import main

# isort: split
from services.notify.handlers import sending

sending.BUDGET = timedelta(hours=1)

sys.exit(main(["notify"]))
