"""Plan deliveries for a batch of events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from services.notify.domain.delivery import Content, Delivery, Trail, plan_delivery
from services.notify.domain.plan import Plan, Planned, Policy, plan
from services.notify.domain.rules import Channel, Facts, Reason, Rule
from shared.cause import Cause, service_actor
from shared.clock import format_instant
from shared.envelope import Envelope, encode
from shared.errors import DeskwireError, TooLarge
from shared.ids import deterministic_id
from shared.storage import Repository
from shared.unit_of_work import Taken, UnitOfWork, Work, merged

NOTIFY = service_actor("notify")
"""The actor of everything that notify does by itself."""

Read = Callable[[Envelope], Facts]
Render = Callable[[Rule, Facts], Content]
Tally = Counter[tuple[Channel, Reason]]
Wanted = tuple[Envelope, Facts, Planned]
"""A delivery that is called for: by which event, and to whom."""

CONSUMER = "notify"
PORTION = 50
"""How many deliveries of one event are stored in one transaction, where all of them are too much."""


def delivery_key(facts: Facts, recipient: str, channel: Channel) -> str:
    """The key that makes a delivery exist once for (event, recipient, channel), whatever is delivered how often."""
    return "DLV-" + deterministic_id(facts.source, facts.event, recipient, channel.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planning:
    """What planning works with."""

    deliveries: Repository[Delivery]
    policy: Policy
    read: Read
    render: Render


def take_events(
    unit_of_work: UnitOfWork, envelopes: Sequence[Envelope], planning: Planning, count: Callable[[Tally], None]
) -> Taken:
    """Plan for a batch, once. `count` gets how often rules that name one of these events came to which reason.

    An event whose deliveries are too much for one transaction, because many are to be told and each delivery holds
    the whole event, is planned for in parts: what is stored already stays as it is.
    """

    def block(work: Work, fresh: Sequence[Envelope]) -> dict[str, DeskwireError]:
        tally: Tally = Counter()
        rejected = on_events(work, fresh, planning=planning, tally=tally)
        work.afterwards(partial(count, tally))
        return rejected

    taken = unit_of_work.take(CONSUMER, envelopes, block)
    large = [envelope for envelope in envelopes if isinstance(taken.rejected.get(envelope.id), TooLarge)]
    for envelope in large:
        portion = partial(_store_some, envelope=envelope, planning=planning)
        while unit_of_work.run_fitting(portion, PORTION):
            pass
    if not large:
        return taken
    names = {envelope.id for envelope in large}
    rest = Taken(
        handled=taken.handled,
        duplicates=taken.duplicates,
        rejected={name: error for name, error in taken.rejected.items() if name not in names},
    )
    return merged([rest, unit_of_work.take(CONSUMER, large, block)])


def on_events(
    work: Work, envelopes: Sequence[Envelope], *, planning: Planning, tally: Tally
) -> dict[str, DeskwireError]:
    """Store one delivery for each (event, recipient, channel) that the rules call for; returns the events refused.

    `planning.read` raises for an event it refuses. A delivery that is there already stays as it is. `tally` is
    emptied and then holds how often rules that name one of these events came to which reason.
    """
    tally.clear()
    wanted: dict[str, Wanted] = {}
    rejected: dict[str, DeskwireError] = {}
    for envelope in envelopes:
        try:
            planned = _planned(envelope, planning)
        except DeskwireError as error:
            rejected[envelope.id] = error
            continue
        _count(planned.plan, tally)
        wanted |= {key: one for key, one in planned.wanted.items() if key not in wanted}
    _store(work, wanted, planning, len(wanted))
    return rejected


def _store_some(work: Work, most: int, *, envelope: Envelope, planning: Planning) -> int:
    return _store(work, _planned(envelope, planning).wanted, planning, most)


def _store(work: Work, wanted: Mapping[str, Wanted], planning: Planning, most: int) -> int:
    """Store up to `most` of those that are not there yet; returns how many that were."""
    known = planning.deliveries.get_many(work, list(wanted)) if wanted else {}
    missing = [key for key in wanted if key not in known][:most]
    for key in missing:
        envelope, facts, one = wanted[key]
        delivery = _delivery(key, envelope, facts, one, planning.render, work)
        state, events = plan_delivery(delivery, work.now)
        planning.deliveries.save(work, None, state, events, Cause.of(envelope, NOTIFY), key=key)
    return len(missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ForEvent:
    plan: Plan
    wanted: Mapping[str, Wanted]


def _planned(envelope: Envelope, planning: Planning) -> _ForEvent:
    facts = planning.read(envelope)
    made = plan(planning.policy, facts)
    wanted = {delivery_key(facts, one.recipient, one.channel): (envelope, facts, one) for one in made.deliveries}
    return _ForEvent(plan=made, wanted=wanted)


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
