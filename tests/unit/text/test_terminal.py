"""What a person sees of a stranger's text at a terminal, and what a program gets through a pipe."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import example, given, settings
from rich.cells import cell_len

from deskwire import cli
from deskwire.console import PIPE_WIDTH, Voice, marked, progress_bar, styled
from deskwire.progress import Lines
from shared.errors import Rejected
from shared.text.terminal import harmless, in_a_row
from tests.unit.text.scripts import texts
from tests.unit.text.strict_terminal import screen

MARKUP = "[bold]a[/] :smile: [link=https://evil.example]b[/link] \\[red]"
ESCAPES = "a\x1b]8;;https://evil.example\x1b\\b\x1b]8;;\x1b\\\rc\x08\x9b31m"


@contextmanager
def printed(*, terminal: bool) -> Iterator[io.StringIO]:
    """What goes to standard output, which is a terminal with colours or a pipe."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("NO_COLOR", raising=False)
        patch.delenv("FORCE_COLOR", raising=False)
        patch.setenv("TERM", "xterm-256color")
        patch.setenv("COLUMNS", str(PIPE_WIDTH))
        out = io.StringIO()
        out.isatty = lambda: terminal  # type: ignore[method-assign]
        patch.setattr(sys, "stdout", out)
        yield out


def seen(text: str, *, terminal: bool = False) -> list[str]:
    """The lines on the screen after the text was printed in every way that there is."""
    with printed(terminal=terminal) as out:
        voice = Voice(as_json=False)
        assert voice.on_terminal is terminal
        voice.line(text, style="red")
        voice.drawn(styled(text, "dim"))
        voice.table((text, "end"), [(text, "|"), (styled(text, "bold"), "|"), (marked(True, text), "|")])
        voice.details([(text, text)])
        Lines(voice).say(text)
    return screen(out.getvalue())


@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_markup_and_names_of_emoji_are_printed_as_they_stand(terminal: bool) -> None:
    lines = seen(MARKUP, terminal=terminal)
    assert sum(line.count(MARKUP) for line in lines) == 9


@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_no_escape_sequence_reaches_the_terminal(terminal: bool) -> None:
    assert any("a\ufffd]8;;https://evil.example\ufffd\\b" in line for line in seen(ESCAPES, terminal=terminal))


def test_a_text_with_lines_makes_no_row_of_its_own_in_a_table() -> None:
    with printed(terminal=False) as out:
        Voice(as_json=False).table(("number", "title"), [("INC0000001", "a\nINC0000002  b"), ("INC0000003", "c")])
    assert [line.split()[0] for line in screen(out.getvalue()) if line] == ["number", "INC0000001", "INC0000003"]


def test_a_text_with_lines_keeps_them_beside_its_name() -> None:
    with printed(terminal=False) as out:
        Voice(as_json=False).details([("description", "a\r\n\tb")])
    assert [line.rstrip() for line in screen(out.getvalue())][:2] == ["description  a", f"{'':13}        b"]


@settings(deadline=None)
@given(text=texts)
@example(text=MARKUP)
@example(text="\\")
def test_whatever_is_printed_a_terminal_obeys_nothing_of_it(text: str) -> None:
    lines = seen(text, terminal=True)
    assert lines[0].rstrip() == in_a_row(text).rstrip()
    assert lines[1].rstrip() == in_a_row(text).rstrip()


@settings(deadline=None)
@given(text=texts)
def test_a_pipe_gets_no_escape_of_ours_either(text: str) -> None:
    with printed(terminal=False) as out:
        Voice(as_json=False).table(("title",), [(text,), (marked(False, text),)])
    assert "\x1b" not in out.getvalue()


@settings(deadline=None)
@given(text=texts)
@example(text="Disk full\u200d")
@example(text="中文 👩\u200d👩\u200d👧 e\u0301 שלום")
def test_the_columns_of_a_table_stay_aligned(text: str) -> None:
    with printed(terminal=False) as out:
        Voice(as_json=False).table(("title", "state"), [(text.replace("§", ""), "§"), ("short", "§"), ("", "§")])
    before = [line[: line.index("§")] for line in screen(out.getvalue()) if "§" in line]
    # The spaces are measured apart: rich takes one behind a joiner for a part of what is joined, a terminal does not.
    assert len({cell_len(cell.rstrip(" ")) + len(cell) - len(cell.rstrip(" ")) for cell in before}) == 1


@settings(deadline=None)
@given(text=texts)
def test_an_error_that_quotes_a_stranger_is_obeyed_by_no_terminal(text: str) -> None:
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", out)
        patch.setattr(sys, "argv", ["deskwire"])
        cli._tell(Rejected(text))
    assert screen(out.getvalue())[:-1] == harmless(text).split("\n")


def test_the_words_beside_a_bar_are_no_markup() -> None:
    out = io.StringIO()
    with progress_bar() as progress:
        progress.add_task(MARKUP)
        progress.console.file = out
        progress.console.print(progress.make_tasks_table(progress.tasks), width=PIPE_WIDTH)
    assert MARKUP in out.getvalue()


def test_a_letter_that_the_locale_cannot_say_is_spelled_out() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii", errors="strict")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "argv", ["deskwire", "--help"])
        with pytest.raises(SystemExit):
            cli.main()
        Voice(as_json=False).line("ü")
    assert raw.getvalue().endswith(b"\\xfc\n")


@settings(deadline=None)
@given(text=texts.filter(lambda text: not text.startswith("-")))
def test_a_wrong_argument_and_an_unforeseen_error_are_quoted_and_not_obeyed(text: str) -> None:
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", out)
        patch.setattr(sys, "excepthook", sys.excepthook)
        patch.setattr(sys, "argv", ["deskwire", f"x{text}"])
        with pytest.raises(SystemExit):
            cli.main()
        error = ValueError(text)
        sys.excepthook(ValueError, error, None)
    lines = screen(out.getvalue())
    assert any("No such command" in line for line in lines)
    assert any(line.startswith("ValueError") for line in lines)
