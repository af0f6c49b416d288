"""The door of the probe. `act` in an event's data says what is to become of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import eventlet
from marshmallow import Schema, fields

from shared import logs
from shared.climbs import Climbs
from shared.command import Command
from shared.deadletter import Trip
from shared.entrypoints import events, tick
from shared.envelope import Envelope
from shared.errors import Conflict, DeskwireError, Early, Invalid, NotAllowed, Unavailable, VersionMismatch
from shared.lease import Lease
from shared.mongo import translated
from shared.receiving import Delivery
from shared.rpc_entrypoint import command
from shared.runtime import Desk, Runtime
from shared.store import Document
from shared.unit_of_work import Taken, Work

log = logs.get(__name__)

REFUSALS: Mapping[str, DeskwireError] = {
    "reject": Invalid("the probe does not want it", slug="probe-refused", pointer="/data/act"),
    "early": Early("the probe waits for something"),
    "long": Invalid("the probe does not want it", slug="probe-refused", pointer="/" + "x" * 200_000),
}


class Cuts:
    """Breaks the connection at the acknowledgement of an event that asks for it (`cut`), once at each attempt.

    `ack`: the broker has the copy, and the note of it is written. `note`: the note cannot be written either.
    """

    def __init__(self) -> None:
        self._cut: set[tuple[str, int, int]] = set()
        self._ack, self._went = Delivery.ack, Climbs.went
        Delivery.ack = lambda delivery: self.ack(delivery)  # type: ignore[method-assign]
        Climbs.went = lambda climbs, trips: self.went(climbs, trips)  # type: ignore[method-assign]

    def ack(self, delivery: Delivery) -> None:
        at = (delivery.trip.key, delivery.trip.replays, delivery.trip.attempt)
        if b'"cut"' in delivery.trip.body and at not in self._cut:
            self._cut.add(at)
            delivery.session.close()
        self._ack(delivery)

    def went(self, climbs: Climbs, trips: Sequence[tuple[Trip, bool]]) -> None:
        for trip, _ in trips:
            if b'"cut":"note"' in trip.body and (trip.key, trip.replays, trip.attempt) not in self._cut:
                raise Unavailable("the probe loses the database as it was told to")
        self._went(climbs, trips)


CUTS = Cuts()


class Args(Schema):
    seconds = fields.Float(load_default=0.0)
    text = fields.String(load_default="")


class ProbeService:
    """Does what it is told, and notes each attempt past the unit of work."""

    name = "probe"

    desk: Runtime = Desk()

    @events("intake")
    def on_intake(self, envelopes: Sequence[Envelope]) -> Taken:
        note = {"at": self.desk.clock.now(), "batch": len(envelopes)}
        rows = [{**note, "_id": str(uuid4()), "event": one.id, "sender": one.sender} for one in envelopes]
        with translated():
            self.desk.database["attempts"].insert_many(rows)
        return self.desk.unit_of_work.take("probe", envelopes, take)

    @events("probe")
    def on_probe(self, envelopes: Sequence[Envelope]) -> Taken:
        return self.desk.unit_of_work.take("probe", envelopes, hear)

    @tick("due", every=0.1)
    def due(self, lease: Lease) -> int:
        def block(work: Work) -> int:
            work.fence(lease.name, lease.token)
            rows = work.adopt("due", work.store.find("due", {"state": 0}, limit=10))
            for row in rows:
                work.put("due", row["key"], {**row, "state": 1})
                work.append("fired", work.ids.new(), {"due": row["key"], "state": 0, "token": lease.token})
            # Between reading and writing another replica gets every chance to do the same.
            eventlet.sleep(0.01)
            return len(rows)

        return self.desk.unit_of_work.run(block)

    @command
    def count(self, request: Any) -> Document:
        self.desk.database["attempts"].insert_one({"_id": str(uuid4()), "event": request.get("number")})
        return self.desk.commands.execute("count", request, Args(), count)

    @command
    def get(self, request: Any) -> Document:
        return self.desk.commands.answer(request, Args(), lambda *_: {"n": 0})

    @command
    def refuse(self, request: Any) -> Document:
        return self.desk.commands.execute("refuse", request, Args(), refuse)

    @command
    def crash(self, _request: Any) -> Document:
        raise KeyError("a secret of the house")

    @command
    def unwritable(self, _request: Any) -> Any:
        return {"record": object()}


def take(work: Work, envelopes: Sequence[Envelope]) -> Mapping[str, DeskwireError]:
    rejected = {one.id: REFUSALS[one.data["act"]] for one in envelopes if one.data["act"] in REFUSALS}
    for one in envelopes:
        if one.data["act"] == "raise":
            raise RuntimeError("the probe raises as it was told to")
        if one.data["act"] == "taken":
            raise Conflict("a key is taken, and stays so")
        if one.data["act"] == "say":
            log.info("the probe says something")
            logging.getLogger("library").warning("a library says something")
        eventlet.sleep(one.data.get("seconds", 0))
        if one.id not in rejected:
            work.append("kept", f"{one.source}:{one.id}", {"state": 0, "sender": one.sender})
    return rejected


def hear(work: Work, envelopes: Sequence[Envelope]) -> None:
    for one in envelopes:
        work.append("heard", one.id, {"state": 0})


def count(work: Work, command: Command, args: Document) -> Document:
    eventlet.sleep(args["seconds"])
    key = command.require_number()
    row = work.load("counts", [key]).get(key, {"n": 0, "version": 0, "state": 0})
    if command.expected_version is not None and command.expected_version != row["version"]:
        raise VersionMismatch(f"it is at version {row['version']}", pointer="/expected_version")
    return {"n": work.put("counts", key, {"n": row["n"] + 1, "state": 0})["n"]}


def refuse(*_: Any) -> Document:
    raise NotAllowed("the probe is closed", slug="probe-closed", pointer="/args/text")
