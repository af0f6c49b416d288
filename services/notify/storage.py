"""Where deliveries are kept, and by which indexes they are found."""

from __future__ import annotations

from collections.abc import Callable

from services.notify.domain.delivery import ROUNDS, Delivery
from shared.documents import Versioned
from shared.envelope import Lane
from shared.storage import Repository, Shape
from shared.store import Document

COLLECTION = "deliveries"


class DeliveryDocument(Versioned):
    """A delivery as it lies in the database. `place` orders deliveries by the time of planning."""

    meta = {  # noqa: RUF012
        "collection": COLLECTION,
        "db_alias": "notify",
        "indexes": [
            ("lane", "next_attempt_at"),
            ("channel", "recipient", "lane", "next_attempt_at"),
            "place",
            ("state", "place"),
            ("event", "place"),
            ("record", "place"),
            ("recipient", "place"),
            ("recipient", "state", "place"),
        ],
    }


class RoundDocument(Versioned):
    """One row: the deliveries on their way, and until when they belong to the sender that took them up."""

    meta = {  # noqa: RUF012
        "collection": ROUNDS,
        "db_alias": "notify",
    }


DOCUMENTS = (DeliveryDocument, RoundDocument)

AUDITED = ("deliveries",)
"""The collections whose every record has an audit chain."""


def deliveries(snapshot: Callable[[str, int, Delivery], Document]) -> Repository[Delivery]:
    """The repository of deliveries, whose events carry `snapshot` and travel in the lane of the event behind them."""
    return Repository(
        Shape(
            service="notify",
            collection=COLLECTION,
            kind=Delivery,
            snapshot=snapshot,
            lane=lambda delivery: Lane(delivery.lane),
            restricted=lambda delivery: delivery.restricted,
        )
    )
