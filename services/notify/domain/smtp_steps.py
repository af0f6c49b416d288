"""How long the steps of an SMTP session may take."""

from __future__ import annotations

from dataclasses import dataclass

COMMANDS = 9
"""Two greetings of ours, STARTTLS, a login in up to four rounds, sender and recipient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSteps:
    """How long each answer is waited for, in seconds: by default the least that RFC 5321, section 4.5.3.2, asks.

    `final` is the wait for the answer to the whole message. Giving up earlier makes copies, because a server that is
    slow to answer may have taken it.
    """

    greeting: float = 300
    command: float = 300
    data: float = 120
    block: float = 180
    final: float = 600

    @classmethod
    def all(cls, seconds: float) -> SmtpSteps:
        """The same for every step."""
        return cls(greeting=seconds, command=seconds, data=seconds, block=seconds, final=seconds)

    @property
    def longest(self) -> float:
        """The end of a session in which every step takes as long as it may, the look-up of the name included."""
        return 2 * self.greeting + COMMANDS * self.command + self.data + self.block + self.final
