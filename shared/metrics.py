"""Every metric of the house. The comment above each says what to do when it moves (docs/runbooks/).

Labels are bounded sets: services, event types, outcomes, priorities; never an id. Sets known beforehand start at
zero, so that `rate()` sees the first failure.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, generate_latest

OUTCOMES = ("handled", "duplicate", "retried", "dead")
_FAST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

# `dead` rising: read the dead letters (runbook dead-letters). `retried` rising for minutes: a part is away.
EVENTS_HANDLED = Counter("itsm_events_handled", "Events by what became of them.", ["service", "event", "outcome"])
# Rising: this consumer is slower than its producers; add a replica (runbook queue-backlog).
EVENT_LAG = Histogram(
    "itsm_event_lag_seconds", "From when an event happened to when it was handled.", ["service", "lane"], buckets=_FAST
)
# Rising: the database is slow, or batches are large; compare with the queue's length.
EVENT_HANDLING = Histogram(
    "itsm_event_handling_seconds", "Handling of one batch, transaction included.", ["service"], buckets=_FAST
)
BATCH_SIZE = Histogram(
    "itsm_event_batch_size", "Events in a batch.", ["service"], buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500)
)
# Rising without falling: the relay cannot publish (runbook journal-stuck).
JOURNAL_UNSENT = Gauge("itsm_journal_unsent", "Journal rows not yet confirmed by the broker.", ["service"])
JOURNAL_OLDEST = Gauge(
    "itsm_journal_oldest_unsent_seconds", "Age of the oldest journal row not yet confirmed.", ["service"]
)
JOURNAL_PARKED = Gauge("itsm_journal_parked", "Journal rows that no queue takes.", ["service"])
JOURNAL_PUBLISHED = Counter("itsm_journal_published", "Journal rows confirmed by the broker.", ["service"])
# Above 60: the database takes requests and commits nothing, or is away (runbook database-standstill).
DATABASE_STANDSTILL = Gauge(
    "itsm_database_standstill_seconds", "Since when no commit has succeeded though some were asked.", ["service"]
)
# Above zero: somebody must look (runbook dead-letters).
DEAD_LETTERS = Gauge("itsm_dead_letters", "Messages in a service's dead letters.", ["service"])
# Above zero: a retry queue or the dead letters are full or deleted (runbook dead-letters).
MESSAGES_HELD = Gauge("itsm_messages_held", "Messages in hand that neither ladder nor dead letters take.", ["service"])
INCIDENTS_OPEN = Gauge("itsm_incidents_open", "Incidents that are not finished.", ["priority", "level"])
# Above zero for minutes: a sender's history has a hole, or an action was refused; the log says which, and
# `deskwire show NUMBER` lists it.
ACTIONS_WAITING = Gauge("itsm_actions_waiting", "Actions that came before what they follow.")
# Above zero: an action of another desk has not come for an hour (`gap_after`), and what it did later waits; the log
# and a note on the record say which. Ask its sender to send it, or something else under that sequence.
SEQUENCE_GAPS = Gauge("itsm_sequence_gaps", "Foreign tickets with an action missing for longer than is usual.")
SLA_BREACHES = Counter("itsm_sla_breaches", "Clocks that ran past their target.", ["clock", "priority"])
# Above two seconds: sla is starved or was down (runbook sla-late).
SLA_LATENESS = Histogram(
    "itsm_sla_lateness_seconds", "From the due instant of a threshold to when it acted.", buckets=_FAST
)
# Above zero for an hour: the tick does not get on with what changed inputs ask of it (runbook sla-outdated).
SLA_OUTDATED = Gauge("itsm_sla_records_outdated", "Open records yet to be computed by the agreements in force.")
# `retry` or `permanent` rising: a channel refuses (runbook notifications-failing).
NOTIFICATIONS = Counter("itsm_notifications", "Deliveries by channel and outcome.", ["channel", "outcome"])
# Above zero for long: who is behind these hears of nothing on this channel (runbook notifications-failing).
RECEIVERS_FAILING = Gauge(
    "itsm_notification_receivers_failing",
    "Receivers, and mail servers, that fail or asked to be left alone.",
    ["channel"],
)
RPC_SECONDS = Histogram("itsm_rpc_seconds", "Calls answered.", ["method", "outcome"], buckets=_FAST)
# Rising: the broker or the network drops connections; events are redelivered, not lost.
CONSUMER_RECONNECTS = Counter("itsm_consumer_reconnects", "Times a consumer lost its connection.", ["service"])
REDELIVERED = Counter("itsm_redelivered", "Messages that the broker delivered again.", ["service"])


def initialise(service: str, event_types: Iterable[str]) -> None:
    """Start the label sets of a service's consumers at zero."""
    for event in event_types:
        for outcome in OUTCOMES:
            EVENTS_HANDLED.labels(service=service, event=event, outcome=outcome)
    CONSUMER_RECONNECTS.labels(service=service)
    REDELIVERED.labels(service=service)


def exposition() -> bytes:
    """All metrics in the Prometheus text format."""
    return generate_latest(REGISTRY)
