"""Submits a ticket of another system and adds a note to it. Run: AMQP_URI=amqp://... python submit_ticket.py"""

import os
import uuid

from deskwire_client import Reporter

reference = f"WEB-{uuid.uuid4().hex[:8]}"

with Reporter(os.environ["AMQP_URI"], source="/examples/shop", spool=os.environ.get("DESKWIRE_SPOOL")) as desk:
    submitted = desk.ticket(
        external_ref=reference,
        title="I cannot pay by card",
        description="The page stays white after I press pay.",
        requester="kim@example.org",
        channel="shop",
        impact="low",
        urgency="high",
        service="billing",
        language="en",
    )
    print("submitted", reference, submitted.id, submitted.status)
    note = desk.action(
        "note", external_ref=reference, args={"text": "The customer called again.", "visibility": "private"}
    )
    print("noted", note.id, note.status)
