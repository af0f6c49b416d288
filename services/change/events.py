"""The events that change publishes, and what it listens to."""

EXCHANGE = "change.events"

REQUESTED = "change.requested"
ASSESSED = "change.assessed"
APPROVED = "change.approved"
REJECTED = "change.rejected"
SCHEDULED = "change.scheduled"
IMPLEMENTING = "change.implementing"
IMPLEMENTED = "change.implemented"
REVIEWED = "change.reviewed"
CLOSED = "change.closed"
CANCELLED = "change.cancelled"
LINKED = "change.linked"
UNAUTHORISED = "change.unauthorised"
DEPLOYMENT_MATCHED = "change.deployment_matched"

PUBLISHES = {
    REQUESTED: "Somebody asked for a change.",
    ASSESSED: "The change's risk and impact were judged.",
    APPROVED: "The change may be made: somebody else than its requester said so, or its template did before.",
    REJECTED: "The change may not be made.",
    SCHEDULED: "The change has a window in which it is to be made.",
    IMPLEMENTING: "Work on the change has begun.",
    IMPLEMENTED: "The change is in place, or was backed out.",
    REVIEWED: "It was looked at what the change brought.",
    CLOSED: "The change is finished for good.",
    CANCELLED: "The change was withdrawn before it was begun.",
    LINKED: "An incident, a problem or another change was linked to the change.",
    UNAUTHORISED: "A deployment came that no change covers; a change was opened for it after the fact.",
    DEPLOYMENT_MATCHED: "A deployment was found to belong to this change.",
}

DEPLOYED = "change.deployed"

CONSUMES = {"intake": (DEPLOYED,)}
