"""A broker and a database of our own: what they keep through a kill, and what they leave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from amqp import Message
from kombu import Connection
from pymongo import MongoClient

from deploy.local import settling
from deploy.local.access import OPERATOR
from deploy.local.backing import NoBroker, NoDatabase, prepare
from deploy.local.broker import Broker
from deploy.local.choices import Choices
from deploy.local.database import Database
from deploy.local.folders import Folders
from deploy.local.packages import ProgramMissing
from deploy.local.ports import free_port, listens
from deploy.local.process import wait_for
from tests.integration.local.test_process import is_there


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path / "broker")
    try:
        broker.start()
    except ProgramMissing as error:
        pytest.skip(str(error))
    yield broker
    broker.kill()


def _written_down(broker: Broker, queue: bytes) -> bool:
    """Whether the node's own log of its tables on disk names the queue."""
    logs = [*broker.folder.rglob("LATEST.LOG"), *broker.folder.rglob("*.DCL"), *broker.folder.rglob("*.DCD")]
    return any(queue in log.read_bytes() for log in logs)


def test_a_confirmed_message_survives_a_kill_and_nothing_survives_a_stop(own_broker: Broker) -> None:
    with Connection(own_broker.uri(OPERATOR)) as connection:
        channel = connection.default_channel
        channel.confirm_select()
        channel.queue_declare("kept.here", durable=True, auto_delete=False)
        # A fresh node may forget a queue, and what is confirmed in it, when it is killed right after declaring it;
        # `deskwire up` gives it time for that, too (deploy/local/settling.py).
        assert wait_for(lambda: _written_down(own_broker, b"kept.here"), settling.SECONDS)
        channel.basic_publish_confirm(Message("kept", delivery_mode=2), "", "kept.here")
    own_broker.kill()
    own_broker.start()
    with Connection(own_broker.uri(OPERATOR)) as connection:
        assert connection.default_channel.basic_get("kept.here", no_ack=True).body == "kept"
    pids = own_broker.pids
    assert len(pids) == 2
    own_broker.stop()
    assert not any(is_there(pid) for pid in pids)
    assert not listens(own_broker.port)


def test_an_acknowledged_document_survives_a_kill(tmp_path: Path) -> None:
    database = Database(tmp_path / "database")
    database.start()
    with MongoClient[dict[str, Any]](database.uri) as client:
        client.test.kept.insert_one({"_id": "one"})
    (pid,) = database.pids
    database.kill()
    database.start()
    with MongoClient[dict[str, Any]](database.uri) as client:
        assert client.test.kept.find_one({"_id": "one"}) == {"_id": "one"}
    database.stop()
    assert not is_there(pid)


def test_addresses_where_nobody_answers_are_told_without_their_passwords(tmp_path: Path) -> None:
    folders = Folders(root=tmp_path, var=tmp_path / "var")
    nobody = f"user:secret@127.0.0.1:{free_port()}"
    with pytest.raises(NoBroker, match="nobody listens there: start that broker") as broker:
        prepare(Choices(amqp_uri=f"amqp://{nobody}/deskwire"), folders, ("incident",))
    with pytest.raises(NoDatabase, match="no database answers there: start it") as database:
        prepare(Choices(mongodb_uri=f"mongodb://{nobody}/?connectTimeoutMS=200"), folders, ("incident",))
    assert "secret" not in broker.value.message + database.value.message
