"""The start of the stack, shown while it happens: a live table on a terminal, lines elsewhere, JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from deskwire.console import Voice
from shared.text.lines import many_lines


class Lines:
    """A line for each part that gets ready."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()

    def starting(self, names: Sequence[str]) -> None:
        """Nothing to say yet."""

    def ready(self, name: str, seconds: float) -> None:
        self._voice.answer({"event": "ready", "name": name, "seconds": round(seconds, 2)})
        self._voice.line(f"{name:<10} ready  {seconds:5.1f} s")

    def say(self, sentence: str) -> None:
        self._voice.answer({"event": "note", "text": sentence})
        for line in many_lines(sentence).split("\n"):
            self._voice.line(line)

    def finish(self) -> None:
        """The start is over."""


class Live(Lines):
    """A spinner and a clock for each part, until all are ready."""

    def __init__(self, voice: Voice) -> None:
        super().__init__(voice)
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description:<10}", markup=False),
            TimeElapsedColumn(),
            console=voice.console,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def starting(self, names: Sequence[str]) -> None:
        for name in names:
            self._tasks[name] = self._progress.add_task(name, total=1)

    def ready(self, name: str, seconds: float) -> None:  # noqa: ARG002
        self._progress.update(self._tasks[name], completed=1)

    def finish(self) -> None:
        self._progress.stop()


def make_progress(voice: Voice) -> Lines:
    """The display that fits who watches."""
    return Live(voice) if voice.on_terminal else Lines(voice)
