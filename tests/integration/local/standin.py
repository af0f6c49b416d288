"""A process that stands in for a service: answers its ops port, or ends at once when it is called `broken`."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from shared.health import Health, OpsServer


def main(name: str) -> int:
    if name == "broken":
        print("settings: DESKWIRE_OPS_PORT is wrong", file=sys.stderr)
        return 78
    stopping = threading.Event()
    if name == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    health = Health()
    if name == "waiting":
        # It is ready at first; then its database stands still for it, whatever is done.
        up = time.monotonic()
        told = "no commit has succeeded for 61 s; asked since was to write 9 documents for ticket.action x 3"
        health.register("commits", lambda: told if time.monotonic() - up > 3 else None)
    OpsServer(health, "127.0.0.1", int(os.environ["DESKWIRE_OPS_PORT"])).start()
    stopping.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
