"""Settings: read once from the environment, judged as a whole, frozen. A wrong value stops the start.

Every variable has a twin `<NAME>_FILE` that names a file to read it from; a blank one is not given. Nothing else reads
the environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from environs import Env, EnvError
from marshmallow import validate

from shared.addresses import server
from shared.doorbell import parse
from shared.errors import Invalid
from shared.retry import LADDER

LONGEST_STEP = (2**32 - 1) / 1000
"""Seconds: what RabbitMQ takes at most as the time that a message lives."""
SETTINGS_FOLDER = Path(__file__).resolve().parent.parent / "deploy" / "settings"


class SettingsError(Invalid):
    """One or more settings are wrong; the message names every one of them."""

    slug = "bad-settings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a process of the house can be told. The names in the environment stand in `_READERS`."""

    amqp_uri: str
    mongodb_uri: str
    database_prefix: str
    log_level: str
    log_format: str
    timezone: str
    ops_host: str
    ops_port: int
    batch: int
    max_event_bytes: int
    retry_ladder: tuple[timedelta, ...]
    retry_attempts: int
    inbox_days: int
    journal_days: int
    anchor_seconds: float
    relay_poll_seconds: float
    doorbell: str
    management: str
    stop_seconds: float
    rpc_timeout: float
    number_block: int
    incident_file: Path
    problem_file: Path
    change_file: Path
    sla_file: Path
    notify_file: Path
    smtp_host: str | None
    """None where the environment names none: the file of notify says it then."""
    smtp_port: int | None

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the settings. Raises SettingsError, which names every fault at once and never a secret's value."""
        source = dict(os.environ if environment is None else environment)
        env = _Reader(source)
        values, faults = {}, []
        for name in (field.name for field in fields(cls)):
            variable, read = _READERS[name]
            try:
                values[name] = read(env, variable)
            except (EnvError, ValueError, OSError, OverflowError) as error:
                faults.append(f"{variable}: {_reason(error, variable)}")
        if faults:
            raise SettingsError("; ".join(faults))
        return cls(**values)


class _Reader(Env):
    """environs over a mapping instead of the process's environment, with `_FILE` twins."""

    def __init__(self, source: Mapping[str, str]) -> None:
        super().__init__()
        self._source = source

    def _get_value(self, env_key: str, default: Any) -> Any:
        # Blank is not given: who writes `AMQP_URI=` into a file of variables means that there is none.
        twin = self._source.get(f"{env_key}_FILE", "").strip()
        if twin:
            return Path(twin).read_text().strip()
        return self._source.get(env_key, "").strip() or default


def _reason(error: Exception, variable: str) -> str:
    text = str(error).removeprefix(f'Environment variable "{variable}" ')
    return text.replace("\n", " ")


Read = Callable[[Env, str], Any]


def _text(default: str, *allowed: str) -> Read:
    return lambda env, name: env.str(name, default, validate=validate.OneOf(allowed))


def _uri(default: str, *schemes: str) -> Read:
    def read(env: Env, name: str) -> str:
        value: str = env.str(name, default)
        if not value.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise ValueError(f"must start with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return value

    return read


def _plain(env: Env, name: str) -> None:
    """Refuses what Python alone reads as a number: `2_5`, digits of other scripts."""
    text = env.str(name, "")
    if not text.isascii() or "_" in text:
        raise ValueError("must be written in the digits 0 to 9")


def _integer(default: int | None, low: int, high: int) -> Read:
    def read(env: Env, name: str) -> Any:
        _plain(env, name)
        return env.int(name, default, validate=validate.Range(low, high))

    return read


def _seconds(default: float, low: float, high: float) -> Read:
    def read(env: Env, name: str) -> Any:
        _plain(env, name)
        return env.float(name, default, validate=validate.Range(low, high))

    return read


def _ladder(env: Env, name: str) -> tuple[timedelta, ...]:
    _plain(env, name)
    steps = env.list(name, [step.total_seconds() for step in LADDER], subcast=float)
    if not all(0 < step <= LONGEST_STEP for step in steps):
        raise ValueError(f"must be seconds above 0 and up to {LONGEST_STEP:.0f}, such as 1,10,60,600")
    # Steps are named by their milliseconds, and two of the same name would be one queue.
    names = [int(step * 1000) for step in steps]
    if not steps or names[0] < 1 or any(later <= earlier for earlier, later in pairwise(names)):
        raise ValueError("must be rising seconds above 0, such as 1,10,60,600")
    return tuple(timedelta(seconds=step) for step in steps)


def _host(default: str | None) -> Read:
    return lambda env, name: server(str(env.str(name, default)))


def _prefix(env: Env, name: str) -> str:
    value: str = env.str(name, "deskwire_")
    # MongoDB takes 63 bytes for the whole name, and the service's own stands behind.
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", value):
        raise ValueError("must be up to 40 of the characters A-Z, a-z, 0-9, _ and -")
    return value


def _if_given(read: Read) -> Read:
    """What stands in a settings file as well has no default here, which would hide the file's."""
    return lambda env, name: read(env, name) if env.str(name, "") else None


def _file(default: str) -> Read:
    def read(env: Env, name: str) -> Path:
        path = Path(env.str(name, str(SETTINGS_FOLDER / default)))
        if not path.is_file():
            raise ValueError(f"{path} is not a file")
        return path

    return read


def _address(env: Env, name: str) -> str:
    value: str = env.str(name, "")
    if value:
        parse(value)
    return value


def _management(env: Env, name: str) -> str:
    value: str = env.str(name, "")
    # Not quoted in the fault: it holds a password.
    if value and not value.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    if value and not _has_place(value):
        raise ValueError("must name a host, and a port that is a number if any")
    return value


def _has_place(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _zone(env: Env, name: str) -> str:
    value: str = env.str(name, "UTC")
    try:
        ZoneInfo(value.removeprefix(":"))
    except Exception:
        raise ValueError(f"{value!r} is not an IANA time zone") from None
    return value


_READERS: dict[str, tuple[str, Read]] = {
    "amqp_uri": ("AMQP_URI", _uri("amqp://localhost:5672/deskwire", "amqp", "amqps", "pyamqp")),
    "mongodb_uri": ("MONGODB_URI", _uri("mongodb://localhost:27017/", "mongodb", "mongodb+srv")),
    "database_prefix": ("DESKWIRE_DATABASE_PREFIX", _prefix),
    "log_level": ("LOG_LEVEL", _text("INFO", "DEBUG", "INFO", "WARNING", "ERROR")),
    "log_format": ("LOG_FORMAT", _text("json", "json", "text")),
    "timezone": ("TZ", _zone),
    "ops_host": ("DESKWIRE_OPS_HOST", _host("127.0.0.1")),
    "ops_port": ("DESKWIRE_OPS_PORT", _integer(9700, 0, 65535)),
    "batch": ("DESKWIRE_BATCH", _integer(100, 1, 1000)),
    "max_event_bytes": ("DESKWIRE_MAX_EVENT_BYTES", _integer(256 * 1024, 1024, 16 * 1024 * 1024)),
    "retry_ladder": ("DESKWIRE_RETRY_LADDER", _ladder),
    "retry_attempts": ("DESKWIRE_RETRY_ATTEMPTS", _integer(8, 1, 1000)),
    "inbox_days": ("DESKWIRE_INBOX_DAYS", _integer(30, 1, 3650)),
    "journal_days": ("DESKWIRE_JOURNAL_DAYS", _integer(400, 1, 36500)),
    "anchor_seconds": ("DESKWIRE_ANCHOR_SECONDS", _seconds(3600, 1, 86400)),
    "relay_poll_seconds": ("DESKWIRE_RELAY_POLL_SECONDS", _seconds(0.025, 0.001, 3600)),
    "doorbell": ("DESKWIRE_DOORBELL", _address),
    "management": ("DESKWIRE_MANAGEMENT", _management),
    "stop_seconds": ("DESKWIRE_STOP_SECONDS", _seconds(25, 1, 600)),
    "rpc_timeout": ("DESKWIRE_RPC_TIMEOUT", _seconds(5, 0.1, 120)),
    "number_block": ("DESKWIRE_NUMBER_BLOCK", _integer(1000, 1, 1_000_000)),
    "incident_file": ("DESKWIRE_INCIDENT_FILE", _file("incident.yaml")),
    "problem_file": ("DESKWIRE_PROBLEM_FILE", _file("problem.yaml")),
    "change_file": ("DESKWIRE_CHANGE_FILE", _file("change.yaml")),
    "sla_file": ("DESKWIRE_SLA_FILE", _file("sla.yaml")),
    "notify_file": ("DESKWIRE_NOTIFY_FILE", _file("notify.yaml")),
    "smtp_host": ("SMTP_HOST", _if_given(_host(None))),
    "smtp_port": ("SMTP_PORT", _if_given(_integer(None, 1, 65535))),
}
SECRETS = {"AMQP_URI": "amqp_uri", "MONGODB_URI": "mongodb_uri", "DESKWIRE_MANAGEMENT": "management"}
"""Variables whose values hold passwords, and the settings that they are."""
SETTINGS_FILES = {variable: name for name, (variable, _) in _READERS.items() if name.endswith("_file")}
"""Variables that name a settings file, and the settings that they are."""
