"""What `deskwire-client` prints of its arguments and of the spool."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings

from deskwire_client import Spool
from deskwire_client.cli import main
from tests.unit.text.scripts import texts
from tests.unit.text.strict_terminal import screen

AWAY = "amqp://guest:guest@127.0.0.1:1/"


@settings(deadline=None)
@given(text=texts)
@example(text="a\x1b]52;c;cm0gLXJmIC8K\x07\nb")
def test_an_argument_that_is_refused_is_quoted_in_one_line_that_no_terminal_obeys(text: str) -> None:
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DESKWIRE_SPOOL", raising=False)
        patch.setattr(sys, "stderr", out)
        assert main(["ticket", "--external-ref", "k", "--title", "t", "--uri", AWAY, f"--time=x{text}"]) == 2
        assert main(["report", "--dedup-key", "k", f"--title=x{text}", "--uri", f"x{text}", "--deadline", "0.01"]) > 0
    assert len(screen(out.getvalue())) == 3


def test_bytes_that_are_no_text_are_shown_and_do_not_cost_the_event(tmp_path: Path) -> None:
    title = os.fsdecode("Störung".encode("latin-1"))
    words = ["report", "--dedup-key", "k", "--title", title, "--label", f"a={title}", "--uri", AWAY]
    assert main([*words, "--deadline", "0.01", "--spool", str(tmp_path)]) == 3
    ((_, event),) = Spool(tmp_path).oldest(9)
    data = json.loads(event.body)["data"]
    assert (data["title"], data["labels"]) == ("St\ufffdrung", {"a": "St\ufffdrung"})


def test_an_id_that_the_locale_cannot_say_is_spelled_out(tmp_path_factory: pytest.TempPathFactory) -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii", errors="strict")
    spool = str(tmp_path_factory.mktemp("spool"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        words = ["report", "--dedup-key", "k", "--title", "t", "--uri", AWAY, "--deadline", "0.01"]
        assert main([*words, "--spool", spool, "--id", "ü"]) == 3
        out.flush()
    assert raw.getvalue().startswith(b"\\xfc spooled")
