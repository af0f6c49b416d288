"""How many random cases a property is tried on: 500 in a normal run, 20,000 with `--hypothesis-profile=nightly`."""

from __future__ import annotations

from hypothesis import settings

DOSE = settings().max_examples if settings.get_current_profile_name() == "nightly" else 500
