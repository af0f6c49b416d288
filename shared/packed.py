"""Values that are kept whole and never asked by their parts: compressed bytes, with dates and durations as they are."""

from __future__ import annotations

import zlib
from datetime import timedelta
from typing import Any, TypeVar

import orjson
from cattrs.errors import BaseValidationError
from cattrs.preconf.orjson import make_converter

from shared.errors import Invalid

S = TypeVar("S")

_converter = make_converter()
_converter.register_unstructure_hook(timedelta, lambda value: value.total_seconds())
_converter.register_structure_hook(timedelta, lambda value, _: timedelta(seconds=value))


def pack(value: Any) -> bytes:
    """A frozen dataclass as bytes that `unpack` makes an equal one of, in any process."""
    return zlib.compress(orjson.dumps(_converter.unstructure(value), option=orjson.OPT_NON_STR_KEYS))


def unpack(kind: type[S], packed: bytes) -> S:
    """The dataclass that `pack` was given. Fields that the class no longer has are ignored, those that it has since
    have their defaults. Raises Invalid for what is none."""
    try:
        return _converter.structure(orjson.loads(zlib.decompress(packed)), kind)
    except (zlib.error, BaseValidationError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise Invalid(f"is no packed {kind.__name__}: {type(error).__name__}") from error
