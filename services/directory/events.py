"""The events that directory publishes and the ones it listens to: none."""

EXCHANGE = "directory.events"

PUBLISHES: dict[str, str] = {}

CONSUMES: dict[str, tuple[str, ...]] = {}
