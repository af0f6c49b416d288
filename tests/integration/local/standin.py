"""A process that stands in for a service: answers its ops port, or ends at once when it is called `broken`."""

from __future__ import annotations

import os
import signal
import sys
import threading

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
    OpsServer(Health(), "127.0.0.1", int(os.environ["DESKWIRE_OPS_PORT"])).start()
    stopping.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
