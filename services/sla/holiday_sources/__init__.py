"""Where the holidays of a calendar come from. A source is one file here: its `KEY` in the settings, and its `FIELD`.

`FIELD` is a marshmallow field that turns what stands below the key into names by date. Where two sources name the same
date, the file later in the alphabet wins.
"""

from __future__ import annotations

from datetime import date
from importlib import import_module
from pkgutil import iter_modules

from marshmallow import fields

_MODULES = tuple(import_module(f"{__name__}.{found.name}") for found in sorted(iter_modules(__path__)))

SOURCES: dict[str, fields.Field[dict[date, str]]] = {module.KEY: module.FIELD for module in _MODULES}
