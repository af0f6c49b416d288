"""Which TCP ports to use: the ones that people know, the ones chosen before, or the next free ones."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from shared.errors import Unavailable


class PortTaken(Unavailable):
    """Another program listens on a port that must be ours."""

    slug = "port-taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class PortRule:
    """How one port is chosen. `variable` is the environment variable that sets it; `known` is where people look."""

    name: str
    variable: str
    known: int
    spare: range


AMQP = PortRule(name="amqp", variable="DESKWIRE_AMQP_PORT", known=5672, spare=range(5673, 5700))
MONGODB = PortRule(name="mongodb", variable="DESKWIRE_MONGODB_PORT", known=27017, spare=range(27018, 27050))


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            # A second socket may bind under SO_REUSEADDR where it may not listen.
            probe.listen(1)
        except OSError:
            return False
    return True


def listens(port: int, host: str = "127.0.0.1") -> bool:
    """Whether somebody listens on the port now."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """A port that nobody uses, of the kernel's choice, for tests and for ports that nobody needs to know."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def choose(
    rule: PortRule, *, explicit: int | None, remembered: int | None, free: Callable[[int], bool] = is_free
) -> int:
    """The explicit port or PortTaken; else the remembered one, the known one, the first free spare one."""
    if explicit is not None:
        if not free(explicit):
            raise PortTaken(
                f"{rule.variable} says {explicit}, but another program listens there; "
                f"stop it, or set {rule.variable} to a free port."
            )
        return explicit
    candidates: list[int] = ([] if remembered is None else [remembered]) + [rule.known, *rule.spare]
    for port in candidates:
        if free(port):
            return port
    raise PortTaken(f"All ports from {rule.known} to {rule.spare[-1]} are taken; set {rule.variable} to a free port.")


def require_free(ports: Iterable[tuple[str, int]], variable: str, free: Callable[[int], bool] = is_free) -> None:
    """Raise PortTaken that names every port of `(owner, port)` which is taken, and the variable that moves them."""
    taken = [f"{port} ({owner})" for owner, port in ports if not free(port)]
    if taken:
        raise PortTaken(
            f"Another program listens on {', '.join(taken)}; stop it, "
            f"or set {variable} to the first of a row of free ports, for example {variable}=9800."
        )


def recall(file: Path) -> dict[str, int]:
    """The ports chosen before, by name; empty when there are none or the file is damaged."""
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return {str(name): port for name, port in found.items() if isinstance(port, int)} if isinstance(found, dict) else {}


def remember(file: Path, chosen: dict[str, int]) -> None:
    """Keep the choice for the next start."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(chosen, indent=2) + "\n")
