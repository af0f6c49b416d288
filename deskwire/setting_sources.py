"""Settings that can stand in more than one place: which value counts, and where it comes from.

One order everywhere: the environment over a settings file over the default. A secret's `<NAME>_FILE` is the
environment too, and is read first: who names a file means what is in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marshmallow import EXCLUDE, Schema, fields

from deploy.local.amqp import without_password
from services.notify.settings_schema import SmtpSchema
from shared import settings_file
from shared.config import SECRETS, SETTINGS_FILES, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """A setting, its value as it may be shown, the place that it comes from, and the places that do not count."""

    name: str
    value: str
    source: str
    ignored: tuple[str, ...] = ()

    def __str__(self) -> str:
        rest = f"; not from {', '.join(self.ignored)}" if self.ignored else ""
        return f"{self.value}, from {self.source}{rest}"


def counting(settings: Settings, environment: Mapping[str, str]) -> Iterator[Counting]:
    """Every such setting. Raises SettingsError when the file of notify cannot be read."""
    for variable, name in (SECRETS | SETTINGS_FILES).items():
        value = str(getattr(settings, name))
        shown = without_password(value) if variable in SECRETS else value
        yield _counting(variable, shown or "not set", _given(variable, environment))
    smtp = _smtp_in(settings.notify_file)
    for name in ("host", "port"):
        default = SmtpSchema().fields[name].load_default
        value = getattr(settings, f"smtp_{name}") or smtp.get(name, default)
        places = _given(f"SMTP_{name.upper()}", environment)
        places += [f"smtp.{name} in {settings.notify_file}"] if name in smtp else []
        yield _counting(f"smtp.{name}", str(value), places)


def _given(variable: str, environment: Mapping[str, str]) -> list[str]:
    """The places in the environment that name this setting, the first of which counts."""
    return [name for name in (f"{variable}_FILE", variable) if environment.get(name, "").strip()]


def _counting(name: str, value: str, places: list[str]) -> Counting:
    source, *ignored = places or ["the default"]
    return Counting(name=name, value=value, source=source, ignored=tuple(ignored))


def _smtp_in(path: Path) -> Mapping[str, Any]:
    """The mail server as the file itself has it, before defaults."""
    schema = Schema.from_dict({"smtp": fields.Dict(load_default=dict)})(unknown=EXCLUDE)
    smtp: Mapping[str, Any] = settings_file.load(path, schema)["smtp"]
    return smtp
