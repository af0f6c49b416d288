"""Runs a service of `tests.faults.extra` as the house runs its own: `python -m tests.faults.run_extra stubborn`."""

# Importing the runner makes the standard library green, which must come first.
from shared.runner import main  # isort: skip

import sys

from tests.faults.extra import join

if __name__ == "__main__":
    join()
    sys.exit(main(sys.argv[1:]))
