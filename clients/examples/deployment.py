"""Reports from a pipeline that a version was deployed. Run: AMQP_URI=amqp://... python deployment.py"""

import os

from deskwire_client import report

receipt = report(
    "change.deployed",
    {
        "service": "billing",
        "version": "2.4.1",
        "ci": "billing-api",
        "pipeline": "https://ci.example.org/billing/482",
        "by": "pipeline",
    },
    uri=os.environ["AMQP_URI"],
    source="/examples/pipeline",
    spool=os.environ.get("DESKWIRE_SPOOL"),
)
print("deployed", receipt.id, receipt.status)
