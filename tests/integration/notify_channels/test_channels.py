"""Each delivery on its own channel."""

from __future__ import annotations

from collections.abc import Callable

from services.notify.channels import Channels, EmailChannel, WebhookChannel
from services.notify.domain.delivery import Content, Delivery
from services.notify.domain.outcome import Outcome, Progress
from services.notify.domain.rules import Channel, Webhook
from tests.integration.notify_channels.receivers import MailServer, Receiver
from tests.integration.notify_channels.sending import BODY, EMAILS, KEY, NOW, OPEN, make_smtp
from tests.unit.notify.factories import SECRET, make_delivery


def test_each_delivery_goes_out_on_its_own_channel(mail_server: tuple[MailServer, int], receiver: Receiver) -> None:
    server, port = mail_server
    hook = Webhook(url=f"http://127.0.0.1:{receiver.port}/", secret=SECRET)
    channels = Channels(email=EmailChannel(make_smtp(port), EMAILS), webhook=WebhookChannel(OPEN, {"chat": hook}))
    sent: Callable[[Delivery], Outcome] = lambda delivery: channels.send(KEY, delivery, NOW, Progress()).outcome  # noqa: E731
    assert sent(make_delivery()) is Outcome.SENT
    assert sent(make_delivery(recipient="chat", channel=Channel.WEBHOOK, content=Content(body=BODY))) is Outcome.SENT
    assert (len(server.accepted), len(receiver.requests)) == (1, 1)
