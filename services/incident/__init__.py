"""Incidents, service requests and alerts: what is not as it should be, and who sees to it.

Owns the records `INC...` and `REQ...`, the alerts and which of them belong to which incident, the notes, and the
references by which foreign desks know their tickets here.
Events in: `alert.*` and `ticket.*` from the intake, `problem.linked` and `problem.resolved` from problem.
Events out: `incident.*`, one for each action that changed a record (`events.py`).
"""
