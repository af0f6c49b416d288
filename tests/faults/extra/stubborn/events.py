"""What stubborn listens to; it publishes nothing."""

EXCHANGE = "stubborn.events"

PUBLISHES: dict[str, str] = {}

STUBBORN = "alert.stubborn"

CONSUMES = {"intake": (STUBBORN,)}
