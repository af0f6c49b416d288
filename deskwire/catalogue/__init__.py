"""The catalogue of events, states and schemas, read from the services: `python -m deskwire.catalogue` writes docs/.

Nothing is written by hand twice: names and sentences come from each service's `events.py`, fields of what comes in
from its marshmallow schemas, fields of what goes out from the golden samples, states from the domain's tables.
"""
