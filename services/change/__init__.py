"""Changes: asked for, judged, planned, made and looked back on (ITIL 4, change enablement).

Owns: changes, and which deployment belongs to which change.
Events in: `change.deployed` of any pipeline, from the intake. Events out: `change.*` (services.change.events).
"""
