"""Templates of standard changes: approved once, followed many times (ITIL 4: low risk, well understood)."""

from __future__ import annotations

from dataclasses import dataclass

from services.change.domain.change import Degree


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A standard change that is approved in advance. Without `services` it may be used for any service or item."""

    name: str
    title: str
    risk: Degree
    impact: Degree
    approved_by: str
    services: tuple[str, ...] = ()

    def allows(self, service: str | None) -> bool:
        """Whether the template may be used for this service."""
        return not self.services or service in self.services
