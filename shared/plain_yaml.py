"""YAML as settings files have it: plain values, none of which means something else than it seems to.

Numbers and booleans are those of YAML 1.2, section 10.3.2 (the core schema). What only YAML 1.1 takes for one stays
text: `no`, `12:30`, `0010`, `1_000`. Dates stay text as well, because YAML would refuse the whole file for a wrong one,
without its place among the others. Work on a file is bounded by the values in it, aliases and merges included.
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml.constructor import ConstructorError

MOST_VALUES = 100_000
"""Values in a file, each counted for every alias that stands for it."""
MOST_DIGITS = 100
"""Of a number."""
_TAG = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(
    r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
    re.ASCII,
)
_BOOLEAN = re.compile(r"true|True|TRUE|false|False|FALSE")
_OLD_BOOLEAN = re.compile(r"(?:yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF)")
_OLD = "!boolean-of-yaml-1.1"


class OldBoolean(str):
    """A word without quotes that YAML 1.1 takes for true or false, and YAML 1.2 for itself: text, unless one asks."""

    __slots__ = ()


class Loader(yaml.SafeLoader):
    """Makes no objects; knows fewer kinds of values than its parent."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, pattern) for tag, pattern in resolvers if tag.removeprefix(_TAG) in ("null", "merge")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def number(self, node: yaml.ScalarNode) -> Any:
        """A number, also where a tag demands one. Raises ConstructorError with its line for what is none."""
        text = str(self.construct_scalar(node))
        if len(text) > MOST_DIGITS:
            raise ConstructorError(None, None, f"a number has more than {MOST_DIGITS} digits", node.start_mark)
        if _INTEGER.fullmatch(text) and node.tag == f"{_TAG}int":
            return int(text, 0)
        if _INTEGER.fullmatch(text) or _FLOAT.fullmatch(text):
            return float(int(text, 0) if _INTEGER.fullmatch(text) else re.sub(r"\.(?=[a-zA-Z])", "", text))
        raise ConstructorError(None, None, f"{text!r} is no number", node.start_mark)

    def boolean(self, node: yaml.ScalarNode) -> bool:
        """True or false. Raises ConstructorError with its line for what is neither."""
        text = str(self.construct_scalar(node))
        if not _BOOLEAN.fullmatch(text):
            raise ConstructorError(None, None, f"{text!r} is neither true nor false", node.start_mark)
        return text.lower() == "true"

    def old_boolean(self, node: yaml.ScalarNode) -> OldBoolean:
        """The word itself."""
        return OldBoolean(self.construct_scalar(node))


for _tag, _pattern, _first in (
    (f"{_TAG}int", _INTEGER, "-+0123456789"),
    (f"{_TAG}float", _FLOAT, "-+.0123456789"),
    (f"{_TAG}bool", _BOOLEAN, "tTfF"),
    (_OLD, _OLD_BOOLEAN, "yYnNoO"),
):
    Loader.add_implicit_resolver(_tag, re.compile(rf"(?:{_pattern.pattern})\Z", re.ASCII), list(_first))
Loader.add_constructor(f"{_TAG}int", Loader.number)
Loader.add_constructor(f"{_TAG}float", Loader.number)
Loader.add_constructor(f"{_TAG}bool", Loader.boolean)
Loader.add_constructor(_OLD, Loader.old_boolean)


def fits(root: yaml.Node | None) -> None:
    """Raises ConstructorError, with its line, for a file that holds itself or more than `MOST_VALUES`."""
    if root is not None:
        _count(root, {})


def _count(node: yaml.Node, counted: dict[int, int | None]) -> int:
    if id(node) in counted:
        known = counted[id(node)]
        if known is None:
            raise ConstructorError(None, None, "an alias stands within what it stands for", node.start_mark)
        return known
    counted[id(node)] = None
    size = 1
    for item in node.value if isinstance(node, yaml.CollectionNode) else ():
        parts = item if isinstance(item, tuple) else (item,)
        size += sum(_count(part, counted) for part in parts)
        if size > MOST_VALUES:
            raise ConstructorError(
                None, None, f"there are more than {MOST_VALUES} values, with what aliases repeat", node.start_mark
            )
    counted[id(node)] = size
    return size
