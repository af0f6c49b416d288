"""The events of the probe."""

EXCHANGE = "probe.events"

DONE = "probe.done"

PUBLISHES = {DONE: "The probe did something."}

CONSUMES = {"intake": ("probe.do",), "probe": ("probe.#",)}
