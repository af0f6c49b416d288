"""Which terms a clock stands under, and why: the one place where questions ask the agreements."""

from __future__ import annotations

from services.sla.domain.history import Entry
from services.sla.domain.policy import Agreements, Terms
from services.sla.domain.run import Run


def terms_of(run: Run, agreements: Agreements) -> Terms:
    """The policy and the calendar in force for a clock."""
    return agreements.terms(run.priority)


def why_of(run: Run, agreements: Agreements) -> str:
    """Why these terms and no others, in a sentence."""
    return f"the policy {terms_of(run, agreements).policy.name} holds for priority {run.priority}"


def terms_for(entry: Entry, agreements: Agreements) -> Terms:
    """The policy and the calendar in force for an incident as one entry tells it."""
    return agreements.terms(entry.priority)
