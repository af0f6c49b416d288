"""What a message from outside must keep beside being an event: limits that leave room for what follows from it."""

from __future__ import annotations

from shared.envelope import MAX_INTEGER, Envelope
from shared.errors import Invalid, Rejected
from shared.names import name_fault

MAX_INTAKE_HOPS = 8
"""A message that is itself the end of more events than this is a loop."""
HOUSE_HOPS = 8
"""Events that may follow one another in the house from one message. The longest chain has five: an incident is opened,
a problem takes it in, the incident is linked, its clocks are told of, and so are people. Both limits together are what
notify takes for no loop (`max_hops` in its settings), and far below `MAX_HOPS`, at which the chain would be cut."""


def check(envelope: Envelope) -> None:
    """Raises Rejected (`hop-budget-exceeded`), or Invalid (`bad-envelope`) that names the attribute at fault.

    The texts that tell events, senders and trails apart must be such as people can read (CloudEvents 1.0, Type
    System: no control characters); what the house has stored before is not judged again.
    """
    if envelope.hops > MAX_INTAKE_HOPS:
        text = f"{envelope.hops} events led to this one: from outside {MAX_INTAKE_HOPS} may"
        raise Rejected(text, slug="hop-budget-exceeded", pointer="/hops")
    if envelope.sequence is not None and envelope.sequence > MAX_INTEGER:
        raise Invalid(f"sequence must not be above {MAX_INTEGER}", slug="bad-envelope", pointer="/sequence")
    for name in _TEXTS:
        value = getattr(envelope, name)
        fault = None if value is None else name_fault(value)
        if fault is not None:
            raise Invalid(f"{name} {fault}", slug="bad-envelope", pointer=f"/{name}")


_TEXTS = ("id", "source", "type", "correlationid", "causationid", "traceparent")
