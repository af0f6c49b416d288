"""`make bench`: ours beside the raw ceiling, interleaved in one run, as medians and ratios."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from rich.console import Console
from rich.table import Table

from bench import measures, settings
from deploy.local.broker import Broker
from deploy.local.database import Database
from deploy.local.ports import free_port
from tests.house import House

AIMS = {"accepted": "0.50", "whole path": "0.25", "storm": "1.00"}


class Sink:
    """An SMTP server's handler that takes everything."""

    async def handle_DATA(self, _server: Any, _session: Any, _envelope: Any) -> str:
        return "250 taken"


def main() -> int:
    """Measure and print; exit code 0 whatever the figures are."""
    options = _options()
    console = Console(stderr=True)
    mail = Controller(Sink(), hostname="127.0.0.1", port=free_port())
    mail.start()
    with tempfile.TemporaryDirectory(prefix="deskwire-bench-") as name:
        folder = Path(name)
        broker = Broker(folder / "broker", management_port=free_port())
        database = Database(folder / "database")
        try:
            broker.start()
            database.start()
            environment = {
                **settings.write(folder),
                "SMTP_HOST": "127.0.0.1",
                "SMTP_PORT": str(mail.port),
            }
            house = House(broker, database, folder / "house", environment=environment)
            house.declare()
            house.start()
            result = _measure(house, options, console)
            house.stop()
        finally:
            broker.stop()
            database.stop()
            mail.stop()
    print(json.dumps(result, indent=2)) if options.json else _show(result)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=2000, help="events of (a), (b) and the ceilings, in each round")
    parser.add_argument("--storm", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long the steady rate is kept")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _measure(house: House, options: argparse.Namespace, console: Console) -> dict[str, Any]:
    steps: dict[str, Callable[[], float]] = {
        "ceiling, one stage": lambda: measures.ceiling_rate(house, options.events, stages=1),
        "accepted": lambda: measures.accepted_rate(house, options.events),
        "ceiling, two stages": lambda: measures.ceiling_rate(house, options.events, stages=2),
        "whole path": lambda: measures.whole_path_rate(house, options.events),
        "storm": lambda: measures.storm_rate(house, options.storm),
    }
    rates: dict[str, list[float]] = {name: [] for name in steps}
    measures.whole_path_rate(house, 200)
    fresh = measures.latency(house, rate=20, seconds=options.seconds)
    for turn in range(options.rounds):
        for name, step in steps.items():
            rates[name].append(step())
            console.print(f"round {turn + 1}  {name:20} {rates[name][-1]:8,.0f} a second", highlight=False)
    laden = measures.latency(house, rate=20, seconds=options.seconds)
    medians = {name: statistics.median(found) for name, found in rates.items()}
    return {
        "events_per_second": rates,
        "medians": medians,
        "ratios": {
            "accepted": medians["accepted"] / medians["ceiling, one stage"],
            "whole path": medians["whole path"] / medians["ceiling, two stages"],
            "storm": medians["storm"] / medians["ceiling, one stage"],
        },
        "latency_seconds": {"before": asdict(fresh), "after": asdict(laden)},
        "memory_megabytes": measures.memory(house),
    }


def _show(result: dict[str, Any]) -> None:
    table = Table("", "median a second", "each round", "of its ceiling", "aim", box=None, pad_edge=False)
    for name, found in result["events_per_second"].items():
        ratio = result["ratios"].get(name)
        rounds = "  ".join(f"{rate:,.0f}" for rate in found)
        shown = "" if ratio is None else f"{ratio:.2f}"
        table.add_row(name, f"{result['medians'][name]:,.0f}", rounds, shown, AIMS.get(name, ""))
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    console.print(table)
    memory = result["memory_megabytes"]
    console.print("\nreport to planned delivery at 20 a second (aim: p99 under 250 ms)")
    for when, found in result["latency_seconds"].items():
        p50, p99, lead = (f"{found[name] * 1000:.0f} ms" for name in ("p50", "p99", "lead_p99"))
        console.print(
            f"{when + ' the rounds':18} p50 {p50}, p99 {p99} over {found['events']} events; "
            f"p99 of the first {measures.LEAD_SECONDS:.0f} s, not in it: {lead}"
        )
    console.print(f"memory: {sum(memory.values()):.0f} MB in {len(memory)} processes, broker and database aside")


if __name__ == "__main__":
    sys.exit(main())
