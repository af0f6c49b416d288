"""Reads the rows of a file of history: CSV with a header, plain or compressed with gzip."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path

from deskwire.replay.formats import Row
from shared.errors import Invalid


def read(path: Path) -> Iterator[Row]:
    """The rows one by one, in the file's order. Raises Invalid when the file is cut short or is no text."""
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)
    except (EOFError, UnicodeDecodeError, csv.Error, gzip.BadGzipFile) as error:
        raise Invalid(f"{path} cannot be read: {error}", slug="bad-history") from error
