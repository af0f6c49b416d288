"""The events that gateway publishes and the ones it listens to: none."""

EXCHANGE = "gateway.events"

PUBLISHES: dict[str, str] = {}

CONSUMES: dict[str, tuple[str, ...]] = {}
