"""The events that knowledge publishes and the ones it listens to: none."""

EXCHANGE = "knowledge.events"

PUBLISHES: dict[str, str] = {}

CONSUMES: dict[str, tuple[str, ...]] = {}
