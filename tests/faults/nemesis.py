"""Faults: each strikes, lasts a while, and is healed; the next one comes only when everything is ready again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from tests.faults.sinks import mail_call, read_web_call
from tests.faults.stage import PROCESSES, Stage
from tests.misbehaviour import HTTP_STEPS, SMTP_STEPS, Manner, peer

SHORT_HOLES = (1.0, 3.0)
LONG_HOLES = (12.0, 25.0)
"""Seconds: shorter than every timeout of the house; longer than its publishers wait, and some than its heartbeat."""
ABSENCE = (1.5, 3.5)
SICKNESS = (1.0, 4.0)
"""Seconds: shorter and longer than the run's notify waits for an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong. `strike` returns when it is healed, not when everybody has recovered."""

    kind: str
    target: str
    strike: Callable[[Stage], None]

    def __str__(self) -> str:
        return f"{self.kind} {self.target}"


def kill(name: str) -> Fault:
    """kill -9 of one process, which is started again at once."""

    def strike(stage: Stage) -> None:
        stage.house.processes[name].kill()
        stage.restart(name)

    return Fault(kind="kill -9", target=name, strike=strike)


def roll(name: str) -> Fault:
    """SIGTERM, an orderly end, and a new start."""

    def strike(stage: Stage) -> None:
        stage.stop_process(name)
        stage.restart(name)

    return Fault(kind="SIGTERM", target=name, strike=strike)


def reset(link: str) -> Fault:
    """RST of every connection to the broker or to the database."""
    return Fault(kind="reset", target=link, strike=lambda stage: stage.links[link].reset())


def hole(link: str, *, up: bool, down: bool, seconds: float, torn: bool) -> Fault:
    """Nothing gets through for a while; then either all of it does, or the connections are torn (`torn`)."""

    def strike(stage: Stage) -> None:
        stage.links[link].hole(up=up, down=down)
        time.sleep(seconds)
        if torn:
            stage.links[link].reset()
        stage.links[link].heal()

    way = {(True, True): "both ways", (True, False): "upwards", (False, True): "downwards"}[up, down]
    return Fault(kind="black hole", target=f"{link} {way} {seconds:.1f} s{', torn' if torn else ''}", strike=strike)


def absent(link: str, seconds: float) -> Fault:
    """The broker or the database cannot be reached for a while: every connection breaks, new ones are refused."""

    def strike(stage: Stage) -> None:
        stage.links[link].refuse()
        time.sleep(seconds)
        stage.links[link].heal()

    return Fault(kind="absence", target=f"{link} {seconds:.1f} s", strike=strike)


def kill_server(name: str) -> Fault:
    """kill -9 of the broker or the database, as a power failure would, and a new start on the same data."""

    def strike(stage: Stage) -> None:
        stage.servers[name].kill()
        stage.servers[name].start()

    return Fault(kind="kill -9", target=name, strike=strike)


def restart_server(name: str) -> Fault:
    """An orderly end of the broker or the database and a new start."""

    def strike(stage: Stage) -> None:
        stage.servers[name].stop()
        stage.servers[name].start()

    return Fault(kind="restart", target=name, strike=strike)


def sick(link: str, step: str, manner: Manner, seconds: float) -> Fault:
    """The mail server or the webhook's receiver goes wrong at one step for a while. notify must answer its probes."""

    def strike(stage: Stage) -> None:
        def took(head: list[bytes], body: bytes) -> None:
            stage.sinks.calls.note(mail_call(body) if link == "mail" else read_web_call(head, body))

        with peer(step, manner, took) as server:
            stage.links[link].divert(server.port)
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                status, said = stage.house.get("notify", "/readyz")
                if status != 200:
                    stage.ended.append(f"notify was not ready while {link} was {manner} at {step}: {said}")
                    break
                time.sleep(0.1)
            stage.links[link].heal()
            stage.links[link].reset()

    return Fault(kind="sick", target=f"{link} {manner} at {step} {seconds:.1f} s", strike=strike)


def sicknesses(random: Random, count: int) -> list[Fault]:
    """`count` of all the ways in which mail server and receiver can go wrong."""
    ways = [("mail", step, manner) for step in SMTP_STEPS for manner in Manner]
    ways += [("web", step, manner) for step in HTTP_STEPS for manner in Manner]
    chosen = random.sample(ways, min(count, len(ways)))
    return [sick(link, step, manner, random.uniform(*SICKNESS)) for link, step, manner in chosen]


def kills(random: Random, rounds: int) -> list[Fault]:
    """Every process `rounds` times, in an order of chance."""
    faults = [kill(name) for name in PROCESSES for _ in range(rounds)]
    random.shuffle(faults)
    return faults


def rolls(random: Random, rounds: int) -> list[Fault]:
    """Rolling restarts: every process once a round."""
    return [roll(name) for _ in range(rounds) for name in random.sample(PROCESSES, len(PROCESSES))]


def network(random: Random, resets: int, holes: int, long_holes: int) -> list[Fault]:
    """Resets and holes on both links, holes in all three ways."""
    ways = ((True, True), (True, False), (False, True))
    faults = [reset(link) for link in ("amqp", "mongodb") for _ in range(resets)]
    for count, (low, high) in ((holes, SHORT_HOLES), (long_holes, LONG_HOLES)):
        for index in range(count):
            up, down = ways[index % len(ways)]
            link = ("amqp", "mongodb")[index % 2]
            seconds, torn = random.uniform(low, high), random.random() < 0.5
            faults.append(hole(link, up=up, down=down, seconds=seconds, torn=torn))
    random.shuffle(faults)
    return faults


def outages(random: Random, name: str, link: str, deaths: int, restarts: int, absences: int) -> list[Fault]:
    """What happens to the broker or the database itself."""
    faults = [kill_server(name)] * deaths + [restart_server(name)] * restarts
    faults += [absent(link, random.uniform(*ABSENCE)) for _ in range(absences)]
    random.shuffle(faults)
    return faults


def portions(count: int, faults: Sequence[Fault]) -> list[int]:
    """`count` messages dealt to the faults, each of which strikes while its portion is on its way."""
    shares = max(1, len(faults))
    return [count // shares + (index < count % shares) for index in range(shares)]
