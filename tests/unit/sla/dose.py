"""How many random cases a slow model is held against: 500 in a normal run, 20,000 with `--hypothesis-profile=nightly`.

A property without such a model takes a share of them, or as many as the profile says.
"""

from __future__ import annotations

from hypothesis import settings

DOSE = 20_000 if settings.get_current_profile_name() == "nightly" else 500
