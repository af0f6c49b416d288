"""The events that incident publishes and consumes."""

EXCHANGE = "incident.events"

OPENED = "incident.opened"
ASSIGNED = "incident.assigned"
ACCEPTED = "incident.accepted"
ESCALATED = "incident.escalated"
HANDED_BACK = "incident.handed_back"
WAITING = "incident.waiting"
RESUMED = "incident.resumed"
NOTED = "incident.noted"
PRIORITISED = "incident.prioritised"
UPDATED = "incident.updated"
RESOLVED = "incident.resolved"
REOPENED = "incident.reopened"
CLOSED = "incident.closed"
CANCELLED = "incident.cancelled"
LINKED = "incident.linked"

PUBLISHES = {
    OPENED: "An incident or a request was opened by a person, a foreign desk or an alert.",
    ASSIGNED: "It was put into a team's queue or given to a person.",
    ACCEPTED: "Somebody took it and works on it.",
    ESCALATED: "It was handed up to a higher support level, with a summary.",
    HANDED_BACK: "It was handed down to a lower support level, with a summary.",
    WAITING: "Work on it waits for somebody or something outside the desk.",
    RESUMED: "What it waited for has come; work goes on.",
    NOTED: "A note was added; the text of a private note stays in the service.",
    PRIORITISED: "Its impact or urgency, and so perhaps its priority, changed, or whether it is an outage.",
    UPDATED: "What its alert or foreign desk says of it changed, such as its title; `fields` names what.",
    RESOLVED: "Service is restored or the request is fulfilled; the requester may still disagree.",
    REOPENED: "It was finished, and work on it goes on after all.",
    CLOSED: "It is finished for good.",
    CANCELLED: "It was withdrawn before it was resolved.",
    LINKED: "It was linked to a problem, a change or another incident.",
}

ALERT_FIRING = "alert.firing"
ALERT_RESOLVED = "alert.resolved"
TICKET_SUBMITTED = "ticket.submitted"
TICKET_ACTION = "ticket.action"
PROBLEM_LINKED = "problem.linked"
PROBLEM_RESOLVED = "problem.resolved"

CONSUMES = {
    "intake": (ALERT_FIRING, ALERT_RESOLVED, TICKET_SUBMITTED, TICKET_ACTION),
    "problem": (PROBLEM_LINKED, PROBLEM_RESOLVED),
}
