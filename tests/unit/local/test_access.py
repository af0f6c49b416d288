"""Who may do what on the broker."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest

from deploy.local.access import definitions, find_services, password_hash, rights_by_user
from shared.topology import DEAD, INTAKE, Catalogue, build

USERS = rights_by_user(["incident", "sla", "gateway"])
TOPOLOGY = build(
    [
        Catalogue(service="gateway", publishes={}, consumes={}),
        Catalogue(service="incident", publishes={"incident.opened": "."}, consumes={"intake": ("alert.firing",)}),
        Catalogue(service="sla", publishes={"sla.met": "."}, consumes={"incident": ("incident.#",)}),
    ]
)
EXCHANGES = {exchange.name for exchange in TOPOLOGY.exchanges}
QUEUES = {queue.name for queue in TOPOLOGY.queues}
EVERY = EXCHANGES | QUEUES | {"amq.default", "amq.topic", "rpc.reply-1"}


def allowed(right: str, user: str) -> set[str]:
    return {name for name in EVERY if re.search(getattr(USERS[user], right), name)}


def test_a_sender_may_publish_to_the_intake_and_do_nothing_else() -> None:
    assert allowed("write", "sender") == {INTAKE}
    assert allowed("read", "sender") == allowed("configure", "sender") == set()


def test_the_relay_may_publish_events_and_do_nothing_else() -> None:
    assert allowed("write", "relay") == {"gateway.events", "incident.events", "sla.events"}
    assert allowed("read", "relay") == allowed("configure", "relay") == set()


@pytest.mark.parametrize("service", ["incident", "sla"])
def test_a_service_reads_its_own_queues_alone(service: str) -> None:
    own = {name for name in QUEUES if name.startswith((f"{service}.", f"rpc-{service}")) and not name.endswith(".dead")}
    assert own
    assert allowed("read", service) == allowed("configure", service) == own


@pytest.mark.parametrize("service", ["incident", "sla"])
def test_a_service_writes_where_retries_dead_letters_and_answers_go(service: str) -> None:
    ladder = {name for name in EXCHANGES if name.startswith("itsm.retry.")}
    assert allowed("write", service) == {DEAD, "nameko-rpc", *ladder}


def test_nobody_but_the_operator_may_publish_past_the_exchanges() -> None:
    assert [user for user in USERS if "amq.default" in allowed("write", user)] == ["operator"]


def test_a_service_that_asks_nobody_may_only_answer_calls() -> None:
    (topics,) = USERS["sla"].topics
    assert re.search(topics.write, "rpc.reply-1")
    assert not re.search(topics.write, "incident.close")
    assert not re.search(topics.read, "#")


def test_an_asker_may_call_and_listen_to_its_own_replies_alone() -> None:
    (topics,) = USERS["gateway"].topics
    assert re.search(topics.write, "incident.open")
    assert re.search(topics.read, "rpc.reply-1")
    assert not re.search(topics.read, "#")


def test_the_definitions_know_no_guest_and_no_password() -> None:
    passwords = {user: f"password-of-{user}" for user in USERS}
    made = definitions("deskwire", USERS, passwords)
    assert {user["name"] for user in made["users"]} == set(USERS)
    assert "guest" not in USERS
    assert "password-of-" not in repr(made)


def test_only_the_operator_is_an_administrator() -> None:
    made = definitions("deskwire", USERS, dict.fromkeys(USERS, "x"))
    assert [user["name"] for user in made["users"] if user["tags"]] == ["operator"]


def test_a_password_hash_is_its_salt_and_the_digest_over_both() -> None:
    raw = base64.b64decode(password_hash("correct horse"))
    assert raw[4:] == hashlib.sha256(raw[:4] + b"correct horse").digest()


def test_a_new_folder_under_services_is_a_new_user(tmp_path: Path) -> None:
    for name in ("asset", "__pycache__"):
        (tmp_path / "services" / name).mkdir(parents=True)
        (tmp_path / "services" / name / "__init__.py").touch()
    (tmp_path / "services" / "notes").mkdir()
    assert find_services(tmp_path) == ("asset",)
