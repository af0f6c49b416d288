"""A list of more records than it shows says how to see the rest of the same list."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from click.testing import CliRunner

from deskwire.cli import cli
from deskwire.commands import deliveries, incidents

DELIVERY = dict.fromkeys(deliveries.FIELDS, "x")
INCIDENT = dict.fromkeys(incidents.COLUMNS, "x")


class Desk:
    """A desk of which each page has a next one; it keeps what it was asked."""

    def __init__(self, record: dict[str, str], following: str) -> None:
        self.asked: list[dict[str, Any]] = []
        self._page = {"records": [record], "next": following}

    def call(self, _: str, __: str, request: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(request["args"])
        return self._page

    @contextmanager
    def rpc(self) -> Iterator[Desk]:
        yield self


@pytest.mark.parametrize(
    ("words", "module", "record", "following"),
    [
        (["deliveries"], deliveries, DELIVERY, "2026-03-02 09:00 DLV1"),
        (["deliveries", "--state", "failed", "--recipient", "it's $HOME"], deliveries, DELIVERY, "-1"),
        (["deliveries", "--limit", "2"], deliveries, DELIVERY, 'a"b'),
        (["incidents"], incidents, INCIDENT, "INC0000007"),
        (["incidents", "--state", "new", "--state", "-x y", "--limit", "3"], incidents, INCIDENT, "INC0000007"),
    ],
)
def test_the_next_page_is_of_the_same_list(
    words: list[str], module: Any, record: dict[str, str], following: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(record, following)
    monkeypatch.setattr(module, "rpc", desk.rpc)
    line = CliRunner().invoke(cli, words).output.splitlines()[-1]
    assert line.startswith("More: deskwire ")
    CliRunner().invoke(cli, shlex.split(line.removeprefix("More: deskwire ")))
    first, second = desk.asked
    place = "cursor" if module is deliveries else "after"
    assert second == {**first, place: following}
