"""How many random cases a slow model is held against: 500 in a normal run, 20,000 with `--hypothesis-profile=nightly`.

A property without such a model takes a share of them.
"""

from __future__ import annotations

from hypothesis import settings

DOSE = settings().max_examples if settings.get_current_profile_name() == "nightly" else 500
