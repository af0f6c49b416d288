"""Reports an alert, and that it is over. Run: AMQP_URI=amqp://... python report_alert.py"""

import os

from deskwire_client import Reporter

with Reporter(os.environ["AMQP_URI"], source="/examples/monitor", spool=os.environ.get("DESKWIRE_SPOOL")) as desk:
    fired = desk.alert(
        dedup_key="db1:disk-full",
        title="Disk full on db1",
        severity="critical",
        service="billing",
        ci="db1",
        labels={"mount": "/var"},
        lane="urgent",
    )
    print("fired", fired.id, fired.status)
    over = desk.resolve(dedup_key="db1:disk-full", lane="urgent")
    print("over", over.id, over.status)
