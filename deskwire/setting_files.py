"""The services' settings files, each read as its service reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from services.change.settings import read_templates
from services.incident.schemas.settings import load_settings
from services.notify import settings as notify
from services.problem.settings import read_rule
from services.sla import settings as sla
from shared.config import SETTINGS_FILES, Settings, SettingsError

READERS: Mapping[str, Callable[[Path], object]] = {
    "incident_file": load_settings,
    "problem_file": read_rule,
    "change_file": read_templates,
    "sla_file": sla.load,
    "notify_file": notify.load,
}
"""Who reads which, by the setting that names it."""


def faults(settings: Settings) -> Iterator[str]:
    """What is wrong with each file that its service would not start with, by the variable that names it."""
    for variable, name in SETTINGS_FILES.items():
        try:
            READERS[name](getattr(settings, name))
        except SettingsError as error:
            yield f"{variable}: {error.message}"
