"""What the entrypoints have in common: a worker that is waited for, and an orderly end."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from eventlet.event import Event as Signal
from nameko.extensions import Entrypoint

from shared.errors import DeskwireError
from shared.runtime import Runtime


class Waiting(Entrypoint):
    """An entrypoint that knows what becomes of its worker, and that ends when all is settled."""

    runtime = Runtime()

    def call(self, *arguments: Any) -> tuple[Any, BaseException | None]:
        """Run the service method in a worker of its own and wait for its result or its error."""
        done = Signal()

        def keep(_context: Any, result: Any, exc_info: Any) -> tuple[Any, Any]:
            done.send((result, None if exc_info is None else exc_info[1]))
            return result, exc_info

        self.container.spawn_worker(self, arguments, {}, handle_result=keep)
        result: tuple[Any, BaseException | None] = done.wait()
        return result

    def start(self) -> None:
        self._loop = self.container.spawn_managed_thread(self.loop, identifier=f"{self.method_name}.loop")

    def stop(self) -> None:
        """Returns when everything in this entrypoint's hands is settled."""
        self.runtime.health.draining = True
        self.runtime.consumer.stop()
        self._loop.wait()

    @abstractmethod
    def loop(self) -> None:
        """What the entrypoint does until it is stopped."""

    @property
    def expected_exceptions(self) -> tuple[type[Exception], ...]:
        # These are told in the house's own words when they are settled; nameko need not print them.
        return (DeskwireError,)

    @expected_exceptions.setter
    def expected_exceptions(self, _value: Any) -> None:
        """nameko sets its default here."""
