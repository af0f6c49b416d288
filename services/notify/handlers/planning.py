"""Plan deliveries for a batch of events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from services.notify.domain.delivery import Content, Delivery, Trail, plan_delivery
from services.notify.domain.plan import Plan, Planned, Policy, plan
from services.notify.domain.rules import Channel, Facts, Reason, Rule
from shared.cause import Cause, service_actor
from shared.clock import format_instant
from shared.envelope import Envelope, encode
from shared.errors import DeskwireError
from shared.ids import deterministic_id
from shared.storage import Repository
from shared.unit_of_work import Work

NOTIFY = service_actor("notify")
"""The actor of everything that notify does by itself."""

Read = Callable[[Envelope], Facts]
Render = Callable[[Rule, Facts], Content]
Tally = Counter[tuple[Channel, Reason]]


def delivery_key(facts: Facts, recipient: str, channel: Channel) -> str:
    """The key that makes a delivery exist once for (event, recipient, channel), whatever is delivered how often."""
    return "DLV-" + deterministic_id(facts.source, facts.event, recipient, channel.value)


def on_events(
    work: Work,
    envelopes: Sequence[Envelope],
    *,
    deliveries: Repository[Delivery],
    policy: Policy,
    read: Read,
    render: Render,
    tally: Tally,
) -> dict[str, DeskwireError]:
    """Store one delivery for each (event, recipient, channel) that the rules call for; returns the events refused.

    `read` raises for an event it refuses. A delivery that is there already stays as it is. `tally` is emptied and
    then holds how often rules that name one of these events came to which reason.
    """
    tally.clear()
    wanted: dict[str, tuple[Envelope, Facts, Planned]] = {}
    rejected: dict[str, DeskwireError] = {}
    for envelope in envelopes:
        try:
            facts = read(envelope)
        except DeskwireError as error:
            rejected[envelope.id] = error
            continue
        planned = plan(policy, facts)
        _count(planned, tally)
        for one in planned.deliveries:
            wanted.setdefault(delivery_key(facts, one.recipient, one.channel), (envelope, facts, one))
    known = deliveries.get_many(work, list(wanted)) if wanted else {}
    for key, (envelope, facts, one) in wanted.items():
        if key not in known:
            delivery = _delivery(key, envelope, facts, one, render, work)
            state, events = plan_delivery(delivery, work.now)
            deliveries.save(work, None, state, events, Cause.of(envelope, NOTIFY), key=key)
    return rejected


def _count(planned: Plan, tally: Tally) -> None:
    for decision in planned.decisions:
        if decision.reason is not Reason.OTHER_EVENT:
            tally[decision.rule.channel, decision.reason] += 1


def _delivery(key: str, envelope: Envelope, facts: Facts, one: Planned, render: Render, work: Work) -> Delivery:
    return Delivery(
        event=facts.event,
        record=facts.record,
        recipient=one.recipient,
        channel=one.channel,
        rule=one.rule.name,
        lane=facts.lane,
        restricted=facts.restricted,
        content=_content(envelope, facts, one, render),
        trail=Trail(
            event_type=facts.type,
            event_source=facts.source,
            correlationid=envelope.correlationid or envelope.id,
            traceparent=envelope.traceparent,
            hops=envelope.hops + 1,
        ),
        planned_at=work.now,
        place=f"{format_instant(work.now)} {key}",
    )


def _content(envelope: Envelope, facts: Facts, one: Planned, render: Render) -> Content:
    if one.channel is Channel.WEBHOOK:
        return Content(body=encode(replace(envelope, sender=None)).decode())
    return render(one.rule, facts)
