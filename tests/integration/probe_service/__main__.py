"""`... service` runs the probe, `... relay` the relay of its journal; with it, `services` has one member more."""

from __future__ import annotations

import sys

if sys.argv[1] == "service":
    import eventlet

    eventlet.monkey_patch()

from tests.integration.probe_service.catalogue import add_probe

add_probe()

if sys.argv[1] == "service":
    from shared.runner import main
else:
    from shared.relay import main

sys.exit(main(["probe"]))
