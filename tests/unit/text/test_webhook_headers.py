"""A webhook's headers are ours and no others, whatever the delivery is about."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.notify.channels.webhook import headers
from services.notify.domain.rules import Webhook
from tests.unit.notify.factories import SECRET
from tests.unit.text.scripts import texts

TARGET = Webhook(url="https://chat.example/hook", secret=SECRET)
OURS = ["content-type", "user-agent", "webhook-id", "webhook-timestamp", "webhook-signature"]
instants = st.integers(0, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@settings(deadline=None)
@given(key=texts, body=texts.map(lambda text: text.encode(errors="replace").decode()), at=instants)
@example(key="DLV-1\r\nX-Admin: yes", body="{}", at=datetime(2026, 3, 2, tzinfo=UTC))
def test_no_text_adds_a_header_or_leaves_its_own(key: str, body: str, at: datetime) -> None:
    made = headers(TARGET, key, body, at)
    assert list(made) == OURS
    assert all(value.isascii() and value.isprintable() and value == value.strip() for value in made.values())


def test_the_id_of_a_delivery_is_its_key() -> None:
    key = "DLV-6f9a3c1e-5d0b-5f0e-9c55-3d6b1f2a7e41"
    assert headers(TARGET, key, "{}", datetime(2026, 3, 2, tzinfo=UTC))["webhook-id"] == key
