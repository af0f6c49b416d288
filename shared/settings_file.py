"""Settings files: YAML in, what a marshmallow schema makes of it out, or one error that names every fault.

A file is read strictly: UTF-8, at most `MOST_BYTES`, plain values alone (`shared.plain_yaml`), no key twice in a
mapping. Each fault is named as `line 12, rules.0.to: what is wrong`, in the order of the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from marshmallow import Schema, ValidationError

from shared.config import SettingsError
from shared.plain_yaml import Loader, fits

MOST_BYTES = 1024 * 1024

Place = tuple[str | int, ...]
_Fault = tuple[int, Place, str]
_NO_YAML = (yaml.YAMLError, ValueError, TypeError, AttributeError, LookupError, RecursionError)
"""What PyYAML raises: its own error, and others where a value does not fit the tag that stands before it."""
_MARSHMALLOWS_OWN = ("_schema", "key", "value")
"""Steps that marshmallow puts between a field and its fault; a file may have fields of these names as well."""


def load(path: Path, schema: Schema) -> Any:
    """What `schema` makes of the file. Raises SettingsError, also when the file cannot be read."""
    return parse(read(path), schema, name=str(path))


def read(path: Path) -> str:
    """The text of the file. Raises SettingsError when it cannot be read, is too long or no UTF-8."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise SettingsError(f"{path}: is longer than {MOST_BYTES} bytes")
        return content.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from None


def parse(text: str, schema: Schema, *, name: str) -> Any:
    """What `schema` makes of a file's text; `name` is what the file is called in faults. Raises SettingsError.

    An empty file is an empty mapping. The schema's hooks may refuse as well (`refused`).
    """
    root, document = _read_yaml(text, name)
    twice = list(_keys_given_twice(root, (), set()))
    if twice:
        raise _error(name, twice)
    try:
        return schema.load(document)
    except ValidationError as error:
        raise _error(name, _faults(error.messages, root)) from None


def refused(faults: Iterable[tuple[Place, str]]) -> ValidationError:
    """Several faults, each with its place, as a schema's hook raises them."""
    messages: dict[str | int, Any] = {}
    for place, message in faults:
        below = messages
        for step in place:
            below = below.setdefault(step, {})
        below.setdefault("_schema", []).append(message)
    return ValidationError(messages)


def _read_yaml(text: str, name: str) -> tuple[yaml.Node | None, Any]:
    """The file as YAML's nodes, which know their lines, and as plain values."""
    try:
        root = yaml.compose(text, Loader)
        fits(root)
        document = yaml.load(text, Loader)  # noqa: S506 (a safe loader that knows less)
    except _NO_YAML as error:
        raise SettingsError(f"{name}: is not YAML: {' '.join(str(error).split())}") from None
    if document is not None and not isinstance(document, dict):
        raise SettingsError(f"{name}: must be a mapping of names to values")
    return root, document or {}


def _keys_given_twice(node: yaml.Node | None, place: Place, seen: set[int]) -> Iterator[_Fault]:
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _keys_given_twice(item, (*place, index), seen)
    elif isinstance(node, yaml.MappingNode):
        known = set[Any]()
        for key, value in node.value:
            inner = (*place, str(key.value))
            if isinstance(key, yaml.ScalarNode) and (key.tag, key.value) in known:
                yield key.start_mark.line + 1, inner, "is given twice"
            known.add((key.tag, str(key.value)))
            yield from _keys_given_twice(value, inner, seen)


def _faults(messages: Any, node: yaml.Node | None, line: int = 1, place: Place = ()) -> Iterator[_Fault]:
    if isinstance(messages, Mapping):
        below = _below(node)
        for step, inner_messages in messages.items():
            inner, inner_line = below.get(step if isinstance(node, yaml.SequenceNode) else str(step), (None, line))
            if inner is None and step in _MARSHMALLOWS_OWN:
                yield from _faults(inner_messages, node, line, place)
            else:
                yield from _faults(inner_messages, inner, inner_line, (*place, step))
    elif isinstance(messages, list):
        for message in messages:
            yield from _faults(message, node, line, place)
    else:
        yield line, place, str(messages)


def _below(node: yaml.Node | None) -> Mapping[str | int, tuple[yaml.Node, int]]:
    """What lies under each index or name, and on which line."""
    if isinstance(node, yaml.SequenceNode):
        return {index: (item, item.start_mark.line + 1) for index, item in enumerate(node.value)}
    if isinstance(node, yaml.MappingNode):
        pairs = [(key.value, (value, key.start_mark.line + 1)) for key, value in node.value]
        return {name: found for name, found in reversed(pairs) if isinstance(name, str)}
    return {}


def _error(name: str, faults: Iterable[_Fault]) -> SettingsError:
    found = sorted((line, ".".join(map(str, place)), message.rstrip(".")) for line, place, message in faults)
    texts = (f"line {line}, {place}: {text}" if place else f"line {line}: {text}" for line, place, text in found)
    return SettingsError(f"{name}: {'; '.join(texts)}")
