"""Both receivers, running."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from aiosmtpd.controller import Controller

from deploy.local.ports import free_port
from tests.integration.notify_channels.receivers import MailServer, Receiver


@pytest.fixture
def mail_server() -> Iterator[tuple[MailServer, int]]:
    handler = MailServer()
    controller = Controller(handler, hostname="127.0.0.1", port=0)
    # aiosmtpd knocks at its own port to see whether it is up; port 0 is known only after it is bound.
    controller.port = free_port()
    controller.start()
    yield handler, controller.port
    controller.stop()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    thread = threading.Thread(target=one.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield one
    one.server.shutdown()
    thread.join()
    one.server.server_close()
