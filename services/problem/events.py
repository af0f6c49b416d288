"""The events that problem publishes, and what it listens to."""

EXCHANGE = "problem.events"

PROPOSED = "problem.proposed"
OPENED = "problem.opened"
ACCEPTED = "problem.accepted"
LINKED = "problem.linked"
DIAGNOSED = "problem.diagnosed"
WORKAROUND_RECORDED = "problem.workaround_recorded"
RESOLVED = "problem.resolved"
REOPENED = "problem.reopened"
CLOSED = "problem.closed"
REJECTED = "problem.rejected"

PUBLISHES = {
    PROPOSED: "Incidents of one service or item and one fingerprint came back often enough to be looked into.",
    OPENED: "A person opened a problem.",
    ACCEPTED: "A proposed problem was taken up for investigation.",
    LINKED: "An incident, a change or another problem was linked to the problem.",
    DIAGNOSED: "The root cause was found, or stated anew.",
    WORKAROUND_RECORDED: "A way to live with the problem until it is fixed was written down.",
    RESOLVED: "The problem is fixed; its incidents are to be told, or resolved with it.",
    REOPENED: "The fix did not hold, or the rejection was wrong.",
    CLOSED: "The fix was found to hold.",
    REJECTED: "This is not a problem.",
}

CONSUMES = {"incident": ("incident.#",)}
