"""Reports what happens in other systems to Deskwire, over any AMQP 0-9-1 broker.

>>> from deskwire_client import Reporter
>>> with Reporter("amqp://sender:secret@broker/itsm", source="/monitor/eu1", spool="/var/spool/deskwire") as desk:
...     desk.alert(dedup_key="db1:disk", title="Disk full on db1", severity="critical")
"""

from deskwire_client.errors import ClientError, InvalidField, NotDelivered, SpoolFull
from deskwire_client.event import EXCHANGE, Event, build
from deskwire_client.outcomes import Flushed, Receipt
from deskwire_client.reporter import Reporter, report
from deskwire_client.spool import SetAside, Spool

__all__ = [
    "EXCHANGE",
    "ClientError",
    "Event",
    "Flushed",
    "InvalidField",
    "NotDelivered",
    "Receipt",
    "Reporter",
    "SetAside",
    "Spool",
    "SpoolFull",
    "build",
    "report",
]
