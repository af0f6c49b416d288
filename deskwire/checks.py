"""What `deskwire doctor` looks at. Each check returns findings in words and changes nothing.

One that trips over what it looks at is a finding, too.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy.local import amqp, database, ports, running
from deploy.local.access import OPERATOR, find_services
from deploy.local.bootstrap import OLDEST, fingerprint
from deploy.local.broker import find_server
from deploy.local.choices import BadChoice, Choices
from deploy.local.folders import Folders
from deploy.local.packages import may_install
from deploy.local.running import NotRunning
from deploy.local.stack import ops_ports
from deskwire import setting_files
from deskwire.session import find_addresses, find_management, vhost_of
from deskwire.setting_sources import counting
from shared.config import Settings, SettingsError
from shared.declaring import ONLY_AMQP, old_bindings, queues_left
from shared.errors import Unavailable
from shared.topology import house

LOW_DISK = 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at: what to do when it is not well, and where it comes from when it is a setting."""

    subject: str
    well: bool
    text: str
    advice: str = ""
    source: str = ""


Check = Callable[[Folders], list[Finding]]


def python(folders: Folders) -> list[Finding]:
    """The interpreter and the virtual environment."""
    version = ".".join(map(str, sys.version_info[:3]))
    stamp = folders.root / ".venv" / "lock.sha256"
    fresh = stamp.exists() and stamp.read_text() == fingerprint(folders.root)
    return [
        Finding(subject="python", well=sys.version_info[:2] >= OLDEST, text=version, advice="Install Python 3.11."),
        Finding(
            subject="packages",
            well=fresh,
            text="as requirements.lock says" if fresh else "not as requirements.lock says",
            advice="Run `make setup`.",
        ),
    ]


def disk(folders: Folders) -> list[Finding]:
    """Space and rights where the data is kept."""
    place = next(folder for folder in (folders.var, *folders.var.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    writable = place.is_dir() and os.access(place, os.W_OK)
    return [
        Finding(
            subject="disk",
            well=free >= LOW_DISK,
            text=f"{free / 1024**3:.1f} GB free at {place}",
            advice="Free some space, or set DESKWIRE_VAR to another disk: the broker refuses work when it is full.",
        ),
        Finding(
            subject="data",
            well=writable,
            text=f"{place} is {'writable' if writable else 'no folder that can be written to'}",
            advice="Run as its owner, or set DESKWIRE_VAR to a folder of yours.",
        ),
    ]


def settings(_: Folders) -> list[Finding]:
    """Environment variables, the services' and this machine's, and the settings files as their services read them."""
    faults = []
    found: list[Finding] = []
    try:
        advice = "Correct the file: its service does not start with it."
        files = setting_files.faults(Settings.load())
        found = [Finding(subject="settings file", well=False, text=fault, advice=advice) for fault in files]
    except SettingsError as error:
        faults += error.message.split("; ")
    try:
        Choices.read(os.environ)
    except BadChoice as error:
        faults += [fault for fault in error.message.split("; ") if fault not in faults]
    found += [Finding(subject="settings", well=False, text=fault, advice="Correct the variable.") for fault in faults]
    return found or [Finding(subject="settings", well=True, text="all values are valid")]


def sources(_: Folders) -> list[Finding]:
    """Which value counts of each setting that can stand in more than one place."""
    try:
        given = Settings.load()
    except SettingsError:
        # What is wrong with variables and files are findings of their own, above.
        return []
    try:
        found = list(counting(given, os.environ))
    except SettingsError:
        return []
    return [Finding(subject=one.name, well=True, text=str(one), source=one.source) for one in found]


def broker(folders: Folders) -> list[Finding]:
    """RabbitMQ: the running one, the one that AMQP_URI names, or the one that could be started."""
    uri = _running_uri(folders) or _chosen().amqp_uri
    if uri is not None:
        fault = amqp.fault(uri)
        text = f"{amqp.without_password(uri)} {'answers' if fault is None else fault}"
        return [Finding(subject="broker", well=fault is None, text=text, advice="Start it, or correct AMQP_URI.")]
    server = find_server()
    if server is not None:
        return [Finding(subject="broker", well=True, text=f"{server} can be started")]
    return [
        Finding(
            subject="broker",
            well=may_install(),
            text="RabbitMQ is not installed" + (", and will be at `make run`" if may_install() else ""),
            advice="Install rabbitmq-server, or set AMQP_URI to a broker that you have.",
        )
    ]


def bindings(folders: Folders) -> list[Finding]:
    """Bindings that `deskwire topology --declare` would take away, and queues that nobody empties."""
    try:
        management, uri = find_management(folders), find_addresses(folders).amqp[OPERATOR]
    except (NotRunning, SettingsError, BadChoice):
        return []
    if management is None:
        return [Finding(subject="bindings", well=True, text=ONLY_AMQP)]
    try:
        found = management.bindings(vhost_of(uri))
    except Unavailable as error:
        advice = "Correct DESKWIRE_MANAGEMENT, and its user's tag and rights."
        return [Finding(subject="bindings", well=False, text=error.message, advice=advice)]
    topology = house(Settings.load().retry_ladder)
    old, left = old_bindings(topology, found), queues_left(topology, found)
    text = f"old ones: {'; '.join(map(str, old))}" if old else "as the topology says"
    seen = [Finding(subject="bindings", well=not old, text=text, advice="Run `deskwire topology --declare`.")]
    if left:
        text = f"of an earlier version, and still filling: {', '.join(left)}"
        advice = "Unbind them on the broker, and delete them when they are empty."
        seen.append(Finding(subject="queues", well=False, text=text, advice=advice))
    return seen


def database_(folders: Folders) -> list[Finding]:
    """The running database, the one that MONGODB_URI names, or the embedded one's program."""
    uri = _running_database(folders) or _chosen().mongodb_uri
    if uri is not None:
        answers = database.answers(uri)
        text = f"{amqp.without_password(uri)} {'answers' if answers else 'does not answer'}"
        return [Finding(subject="database", well=answers, text=text, advice="Start it, or correct MONGODB_URI.")]
    program = folders.programs / "secantusd-rs"
    text = f"{program} {'can be started' if program.exists() else 'is missing'}"
    return [Finding(subject="database", well=program.exists(), text=text, advice="Run `make setup`.")]


def ops(folders: Folders) -> list[Finding]:
    """The fixed ports: free, or ours."""
    if running.is_locked(folders):
        return [Finding(subject="ports", well=True, text="in use by the running stack")]
    try:
        base = Choices.read(os.environ).ops_base
    except BadChoice:
        return []
    wanted = ops_ports(find_services(folders.root), base)
    taken = [f"{port} ({name})" for name, port in wanted.items() if not ports.is_free(port)]
    text = f"taken by another program: {', '.join(taken)}" if taken else f"{base} to {max(wanted.values())} are free"
    advice = "Stop that program, or set DESKWIRE_OPS_BASE=9800."
    return [Finding(subject="ports", well=not taken, text=text, advice=advice)]


def secrets(folders: Folders) -> list[Finding]:
    """Files with passwords that others can read."""
    open_files = [file for file in (folders.passwords, folders.addresses) if _readable_by_others(file)]
    if not open_files:
        return []
    names = ", ".join(map(str, open_files))
    return [Finding(subject="secrets", well=False, text=f"others can read {names}", advice=f"chmod 600 {names}")]


CHECKS: tuple[Check, ...] = (python, settings, sources, disk, secrets, broker, bindings, database_, ops)


def examine(folders: Folders) -> list[Finding]:
    """All findings, in the order in which a start would meet them."""
    return [finding for check in CHECKS for finding in _outcome(check, folders)]


def _outcome(check: Check, folders: Folders) -> list[Finding]:
    try:
        return check(folders)
    except Exception as error:
        # Not in its own words: what it trips over may hold a password.
        reason = error.strerror if isinstance(error, OSError) else None
        text = f"could not be looked at: {reason or type(error).__name__}"
        advice = "Correct what stands in its place: a variable, a folder, a file."
        return [Finding(subject=check.__name__.strip("_"), well=False, text=text, advice=advice)]


def _chosen() -> Choices:
    """This machine's choices; none where they are wrong, which is a finding of its own."""
    try:
        return Choices.read(os.environ)
    except BadChoice:
        return Choices()


def _running_uri(folders: Folders) -> str | None:
    return running.read_addresses(folders).amqp[OPERATOR] if running.is_locked(folders) else None


def _running_database(folders: Folders) -> str | None:
    return running.read_addresses(folders).mongodb if running.is_locked(folders) else None


def _readable_by_others(file: Path) -> bool:
    return file.exists() and bool(file.stat().st_mode & 0o077)
