"""The files of a new service, made of the templates beside this file."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from shared.errors import Invalid

TEMPLATES = Path(__file__).parent / "templates"
SUFFIX = ".tmpl"
PLACE = "NAME"
TAKEN = frozenset(
    {"dead", "intake", "operator", "relay", "retry", "sender"}
    | {"domain", "events", "handlers", "schemas", "service", "storage", "state", "version", "number", "now"}
)
"""Names that queues and users of the broker have already, and words that the templates use themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewService:
    """A service to be written. Its record is called as the service is; `prefix` begins the records' numbers."""

    name: str
    prefix: str

    @property
    def words(self) -> Mapping[str, str]:
        """What the templates call things."""
        said = self.name.replace("_", " ")
        return {
            "name": self.name,
            "names": plural(self.name),
            "said": said,
            "saids": plural(said),
            "a_said": f"{'an' if said[0] in 'aeiou' else 'a'} {said}",
            "A_said": f"{'An' if said[0] in 'aeiou' else 'A'} {said}",
            "Kind": "".join(part.capitalize() for part in self.name.split("_")),
            "COLLECTION": plural(self.name).upper(),
            "PREFIX": self.prefix,
        }


def new_service(name: str, root: Path) -> NewService:
    """A service of this name. Raises Invalid where the name is none, or is taken."""
    if not re.fullmatch(r"[a-z][a-z_]{2,29}", name) or keyword.iskeyword(name) or name.endswith("_") or "__" in name:
        raise Invalid(f"{name!r} is no name: lower-case letters and single underscores, 3 to 30 of them")
    if name in TAKEN or (root / "services" / name).exists():
        raise Invalid(f"the name {name} is taken")
    return NewService(name=name, prefix=prefix_of(name))


def prefix_of(name: str) -> str:
    """Three letters for the numbers: the first one, then consonants, each once: `asset` is AST."""
    first, rest = name[0], name[1:].replace("_", "")
    consonants = [letter for letter in rest if letter not in "aeiou"]
    letters = dict.fromkeys([first, *consonants, *rest])
    return "".join(letters)[:3].upper().ljust(3, "X")


def plural(word: str) -> str:
    """The English plural, as far as endings tell it."""
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(("s", "x", "ch", "sh")) else f"{word}s"


def render(service: NewService) -> Mapping[str, str]:
    """The files of the service by their path below the root."""
    paths = sorted(TEMPLATES.rglob(f"*{SUFFIX}"))
    return {
        _place(path, service): Template(path.read_text(encoding="utf-8")).substitute(service.words) for path in paths
    }


def write(service: NewService, root: Path) -> list[str]:
    """Write the files below `root` and return their paths."""
    files = render(service)
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(files)


def _place(template: Path, service: NewService) -> str:
    return str(template.relative_to(TEMPLATES)).removesuffix(SUFFIX).replace(PLACE, service.name)
