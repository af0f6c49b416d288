"""The events that sla publishes, and those it takes."""

EXCHANGE = "sla.events"

STARTED = "sla.started"
PAUSED = "sla.paused"
RESUMED = "sla.resumed"
RECOMPUTED = "sla.recomputed"
WARNED = "sla.warned"
BREACHED = "sla.breached"
PASSED = "sla.passed"
MET = "sla.met"
CANCELLED = "sla.cancelled"
ENDED = "sla.ended"
EXPECTED = "sla.expected"

PUBLISHES = {
    STARTED: "A clock began: with its incident, a message of its requester, or a spell of a team or a vendor.",
    PAUSED: "A clock, breached or not, stands while the incident waits for a reason that its policy lets pause.",
    RESUMED: "A clock, breached or not, runs again after a pause, or because its incident was reopened.",
    RECOMPUTED: "Another policy or priority, or changed inputs, and what that moved.",
    WARNED: "A clock passed one of its policy's thresholds before the target.",
    BREACHED: "A clock ran past its due instant.",
    PASSED: "A breached clock went on past one of its policy's thresholds after the target.",
    MET: "What a clock waited for happened in time.",
    CANCELLED: "A clock ended without a verdict: its incident was cancelled, or nothing is agreed for it any more.",
    ENDED: "A breached clock ended: what it waited for happened late, or is not waited for any more (`reason`).",
    EXPECTED: "A requester is to know by when a reply and a solution can be expected: first, and when that moved.",
}

CONSUMES = {"incident": ("incident.#",)}
