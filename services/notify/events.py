"""The events that notify publishes and the ones it listens to."""

EXCHANGE = "notify.events"

PLANNED = "notification.planned"
DEFERRED = "notification.deferred"
DOUBTFUL = "notification.doubtful"
SENT = "notification.sent"
FAILED = "notification.failed"
CANCELLED = "notification.cancelled"
REQUEUED = "notification.requeued"

PUBLISHES = {
    PLANNED: "A rule matched an event and one delivery to one recipient on one channel was planned.",
    DEFERRED: "An attempt failed in a way that may pass; the delivery is tried again later.",
    DOUBTFUL: "It was handed over in full and the answer was lost: it may have arrived, and is tried again rarely.",
    SENT: "The channel took the delivery over: the mail server or the webhook's receiver answered yes.",
    FAILED: "The delivery was given up: the receiver refused it for good, or it was tried as long as its channel is.",
    CANCELLED: "A person stopped the delivery before it was sent.",
    REQUEUED: "A person asked to send a sent, failed or doubtful delivery again, under the same Message-ID.",
}

CONSUMES = {
    "incident": ("incident.#",),
    # All but `sla.started`: two come with each incident, and `incident.opened` has told of it.
    "sla": tuple(
        f"sla.{name}"
        for name in (
            "breached",
            "cancelled",
            "ended",
            "expected",
            "met",
            "passed",
            "paused",
            "recomputed",
            "resumed",
            "warned",
        )
    ),
    "problem": ("problem.#",),
    "change": ("change.#",),
}
