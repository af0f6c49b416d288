"""The judges of the fault run, judged: a small true world holds, and each way to break it is seen by its invariant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shared.deadletter import DeadLetter
from shared.topology import Catalogue
from tests.faults.invariants import judge
from tests.faults.ledger import Ledger, Verdict
from tests.faults.observed import Observed, steady
from tests.faults.sinks import Call

CATALOGUE = (
    Catalogue(service="incident", publishes={}, consumes={"intake": ("alert.firing",)}),
    Catalogue(service="sla", publishes={}, consumes={"incident": ("incident.#",)}),
)
DELIVERY = {"_id": "DLV-1", "version": 1, "event": "e1", "recipient": "desk", "channel": "email", "state": "sent"}
CALL = Call(channel="email", identity="<DLV-1@x>", event="e1", recipient="desk")
OPEN = {"_id": "INC1", "version": 1, "state": "new", "fingerprint": "f", "title": "Alert a", "external_ref": None}


def row(identity: str, subject: str, **overrides: Any) -> dict[str, Any]:
    kind = "incident.opened" if subject == "INC1" else "other"
    return {"_id": identity, "type": kind, "subject": subject, "sequence": 1, "position": 1, **overrides}


def make_ledger() -> Ledger:
    sent = {"a1": "alert.firing"}
    return Ledger(
        sent=sent,
        confirmed=dict(sent),
        firing={"a"},
        dead={("incident", "p1"): "bad-json"},
        wanted={"incident.opened": (("desk", "email"),)},
    )


def make_letter(**overrides: Any) -> DeadLetter:
    fields = {
        "consumer": "incident",
        "message_id": "p1",
        "reason": "bad-json",
        "error": "",
        "pointer": None,
        "queue": "incident.intake.normal.v1",
        "attempts": 1,
        "first_failed_at": None,
        "sender": None,
        "content_type": "",
        "body": b"",
    }
    return DeadLetter(**{**fields, **overrides})


def make_observed(**overrides: Any) -> Observed:
    clocks = [
        {"_id": f"INC1:{kind}", "version": 1, "incident": "INC1", "kind": kind} for kind in ("response", "resolution")
    ]
    told = {"subject": "INC1:response", "type": "sla.warned", "data": {"change": {"threshold": "50%"}}}
    fields: dict[str, Any] = {
        "journals": {
            "incident": [row("e1", "INC1")],
            "sla": [row("s1", "INC1:response"), row("s2", "INC1:resolution", position=2)],
            "notify": [row("n1", "DLV-1")],
            "problem": [],
            "change": [],
        },
        "unsent": {},
        "inboxes": {"incident": frozenset({"incident:/faults:a1"}), "sla": frozenset({"sla:/incident:e1"})},
        "records": {"incident": [OPEN], "problem": [], "change": [], "sla": clocks, "notify": [DELIVERY]},
        "details": {
            "occurrences": [{"_id": "/faults:a1", "incident": "INC1", "outcome": "opened"}],
            "open_alerts": [{"_id": "f", "incident": "INC1", "count": 1}],
            "external_refs": [],
            "waiting_actions": [],
            "cases": [{"incident": "INC1", "folded": 1}],
        },
        "live": [{"id": "e1", "type": "incident.opened"}],
        "told": [told],
        "letters": [make_letter()],
        "queues": {"incident.intake.normal.v1": 0, "incident.dead": 1},
        "calls": [CALL, CALL],
        "audit": (),
    }
    return Observed(**{**fields, **overrides})


def broken(ledger: Ledger, seen: Observed) -> set[str]:
    return {one.name for one in judge(ledger, seen, CATALOGUE) if not one.holds}


def in_journal(service: str, *rows: dict[str, Any]) -> Callable[[Observed], Observed]:
    return lambda seen: replace(seen, journals={**seen.journals, service: rows})


def in_records(service: str, *rows: dict[str, Any]) -> Callable[[Observed], Observed]:
    return lambda seen: replace(seen, records={**seen.records, service: rows})


def in_details(collection: str, *rows: dict[str, Any]) -> Callable[[Observed], Observed]:
    return lambda seen: replace(seen, details={**seen.details, collection: rows})


def test_a_world_in_which_nothing_went_wrong_holds() -> None:
    assert broken(make_ledger(), make_observed()) == set()


BREAKS: tuple[tuple[str, Callable[[Observed], Observed]], ...] = (
    ("alerts = occurrences", in_details("occurrences")),
    ("openings = incidents", in_records("incident", OPEN, {**OPEN, "_id": "INC2"})),
    ("one open incident a fingerprint", in_records("incident", OPEN, {**OPEN, "_id": "INC2"})),
    ("one open incident a fingerprint", in_records("incident", {**OPEN, "state": "closed"})),
    ("claims", in_details("open_alerts")),
    ("claims", in_details("open_alerts", {"_id": "f", "incident": "INC1", "count": 2})),
    ("actions waiting", in_details("waiting_actions", {"_id": "late"})),
    ("clocks", in_records("sla", {"_id": "x", "version": 1, "incident": "INC1", "kind": "response"})),
    ("versions folded", in_details("cases", {"incident": "INC1", "folded": 0})),
    ("thresholds told", lambda seen: replace(seen, told=[*seen.told, *seen.told])),
    ("deliveries", in_records("notify")),
    ("deliveries", in_records("notify", DELIVERY, {**DELIVERY, "_id": "DLV-2"})),
    ("deliveries", in_records("notify", {**DELIVERY, "state": "failed"})),
    ("calls at the sinks", lambda seen: replace(seen, calls=[])),
    ("calls at the sinks", lambda seen: replace(seen, calls=[CALL, replace(CALL, identity="<another>")])),
    ("journal sent", lambda seen: replace(seen, unsent={"incident": [row("e1", "INC1")]})),
    ("positions", in_journal("incident", row("e1", "INC1", position=2))),
    ("versions", in_journal("incident", row("e1", "INC1"), row("e3", "INC1", sequence=3, position=2))),
    ("audit", lambda seen: replace(seen, audit=("incidents:INC1: audit row 1 was changed",))),
    ("queues empty", lambda seen: replace(seen, queues={**seen.queues, "sla.incident.normal.v1": 1})),
    ("dead letters = poison", lambda seen: replace(seen, letters=[])),
    ("dead letters = poison", lambda seen: replace(seen, letters=[*seen.letters, make_letter(message_id="a1")])),
    ("dead letters = poison", lambda seen: replace(seen, letters=[make_letter(reason="invalid")])),
    ("dead letters = poison", lambda seen: replace(seen, letters=[*seen.letters, make_letter(body=b"{}")])),
    ("dead queues", lambda seen: replace(seen, letters=[make_letter(copies=2)])),
    ("dead queues", lambda seen: replace(seen, queues={"incident.dead": 2})),
    ("inbox = bindings", lambda seen: replace(seen, inboxes={**seen.inboxes, "sla": frozenset()})),
)


@pytest.mark.parametrize(("name", "break_it"), BREAKS)
def test_what_is_broken_is_seen(name: str, break_it: Callable[[Observed], Observed]) -> None:
    assert name in broken(make_ledger(), break_it(make_observed()))


def test_what_was_never_confirmed_is_missing() -> None:
    ledger = make_ledger()
    ledger.confirmed.clear()
    assert "published" in broken(ledger, make_observed())


def test_a_ticket_in_another_state_than_its_history_leads_to_is_seen() -> None:
    ledger = make_ledger()
    ledger.tickets["t1"] = ("closed", 3)
    assert "tickets" in broken(ledger, make_observed())


def test_a_deployment_that_was_counted_twice_is_seen() -> None:
    ledger = make_ledger()
    ledger.deployed["v1"] = 1
    change = {"_id": "CHG1", "version": 0, "deployment_count": 2, "deployments": [{"version": "v1", "id": "d1"}]}
    assert "deployments" in broken(ledger, in_records("change", change)(make_observed()))


def test_a_verdict_names_a_few_of_its_faults() -> None:
    verdict = Verdict(name="clocks", expected=9, missing=tuple(str(number) for number in range(9)))
    assert verdict.explain() == "clocks: 9 missing: 0, 1, 2, 3, 4"


def test_what_was_read_while_a_journal_moved_is_read_again() -> None:
    marks, reads = iter((1, 2, 2)), iter(("half of it", "all of it"))
    assert steady(lambda: next(reads), lambda: next(marks)) == "all of it"


def test_what_never_rests_is_judged_as_it_was_read_last() -> None:
    marks, reads = iter(range(9)), iter(range(9))
    assert steady(lambda: next(reads), lambda: next(marks), times=3) == 2
