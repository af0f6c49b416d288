"""The way into a service for callers: `@command` answers calls of its method's name.

nameko's protocol on the safe consumer: a call is read strictly, answered once, and settled after its answer; an
exception becomes an error in the answer, never the end of the process (docs/measurements.md).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import orjson
from eventlet.greenpool import GreenPool
from nameko.extensions import SharedExtension

from shared import logs, metrics
from shared.envelope import Lane
from shared.errors import DeskwireError, Invalid, NotFound
from shared.json_reading import read_json
from shared.publisher import Message
from shared.receiving import Delivery, Subscription
from shared.runtime import Runtime, trail
from shared.topology import RPC, rpc_queue
from shared.waiting import Waiting

log = logs.get(__name__)

CONCURRENCY = 8
MOST_ANSWER_BYTES = 8 * 1024 * 1024
"""Of one answer: half of what a broker takes as it comes out of the box, and what a caller can hold."""
ANSWER_TOO_LARGE = {
    "error": {
        "slug": "answer-too-large",
        "message": f"the answer is longer than {MOST_ANSWER_BYTES} bytes; ask for less",
    }
}
INTERNAL_ERROR = {"error": {"slug": "internal-error", "message": "something went wrong here"}}


class Calls(SharedExtension):
    """The one queue of a service's calls."""

    runtime = Runtime()

    def setup(self) -> None:
        self.methods: dict[str, Command] = {}
        queue = rpc_queue(self.container.service_name)
        self._subscription = Subscription(queues={Lane.NORMAL: queue}, prefetch=2 * CONCURRENCY)
        self._busy = 0
        self.runtime.consumer.subscribe(self._subscription)
        self.runtime.consumer.until_settled(self._unsettled)

    def start(self) -> None:
        self._loop = self.container.spawn_managed_thread(self.loop, identifier="calls")

    def wait(self) -> None:
        """Returns when every call taken in is answered."""
        self.runtime.consumer.stop()
        self._loop.wait()

    def loop(self) -> None:
        pool = GreenPool(CONCURRENCY)
        for (delivery,) in self._subscription.batches(1):
            self._busy += 1
            pool.spawn_n(self._answer, delivery)
        pool.waitall()

    def _unsettled(self) -> int:
        return self._busy + sum(len(buffer) for buffer in self._subscription.buffers.values())

    def _answer(self, delivery: Delivery) -> None:
        started = time.monotonic()
        method = delivery.routing_key.rpartition(".")[2]
        try:
            if started >= delivery.expires_at:
                # Its caller has given up while it waited here: it must not run behind the caller's back.
                outcome = "expired"
            else:
                outcome, body = self._written(method, *self._run(method, delivery))
                if delivery.reply_to:
                    self._reply(delivery, body)
            delivery.ack()
            label = method if method in self.methods else "unknown"
            metrics.RPC_SECONDS.labels(method=label, outcome=outcome).observe(time.monotonic() - started)
        finally:
            self._busy -= 1

    def _run(self, method: str, delivery: Delivery) -> tuple[str, Any]:
        try:
            request = read_call(delivery.trip.body)
            if method not in self.methods:
                raise NotFound(f"there is no command {method}", slug="unknown-command")
        except DeskwireError as error:
            return error.slug, {"error": error.as_dict()}
        result, fault = self.methods[method].call(request)
        if fault is None:
            refused = result.get("error") if isinstance(result, dict) else None
            return (refused["slug"] if refused else "ok"), result
        if isinstance(fault, DeskwireError):
            return fault.slug, {"error": fault.as_dict()}
        # What exactly went wrong is for the log; a caller must not learn the inside of the house from it.
        said = f"{type(fault).__name__}: {fault}"[:300]
        log.error("a call failed", method=method, error=said, **trail([request]))
        return "internal-error", INTERNAL_ERROR

    def _written(self, method: str, outcome: str, result: Any) -> tuple[str, bytes]:
        try:
            body = orjson.dumps({"result": result, "error": None})
        except TypeError as error:
            # An answer that is no JSON must not leave the call unsettled and its caller waiting.
            log.error("an answer cannot be written", method=method, error=str(error))
            return "internal-error", orjson.dumps({"result": INTERNAL_ERROR, "error": None})
        if len(body) <= MOST_ANSWER_BYTES:
            return outcome, body
        log.error("an answer is too large", method=method, bytes=len(body))
        return "answer-too-large", orjson.dumps({"result": ANSWER_TOO_LARGE, "error": None})

    def _reply(self, delivery: Delivery, body: bytes) -> None:
        message = Message(
            exchange=RPC,
            routing_key=delivery.reply_to,
            body=body,
            message_id=delivery.trip.identity,
            content_type="application/json",
            mandatory=False,
            properties={"correlation_id": delivery.correlation_id},
        )
        try:
            self.runtime.publisher.publish([message])
        except Exception as error:
            # The caller gives up by itself; a repetition with the same idempotency key gets the same answer. An
            # address for answers that AMQP cannot carry is the caller's own fault, and must not keep the call.
            log.warning("could not answer a call", error=f"{type(error).__name__}: {error}"[:300])


def read_call(body: bytes) -> Mapping[str, Any]:
    """The request in a call. Raises Invalid: calls have one argument, an object."""
    try:
        (request,) = read_json(body)["args"]
    except (Invalid, KeyError, TypeError, ValueError):
        raise Invalid("a call carries one object as its only argument", slug="bad-call") from None
    if not isinstance(request, dict):
        raise Invalid("the argument of a call must be an object", slug="bad-call", pointer="/args/0")
    return request


class Command(Waiting):
    """Answers the calls of one method."""

    calls = Calls()

    def setup(self) -> None:
        """Registers in `start`, when the queue's extension is set up for certain."""

    def start(self) -> None:
        self.calls.methods[self.method_name] = self

    def stop(self) -> None:
        self.calls.wait()

    def loop(self) -> None:
        """Calls are received in one place for all methods (`Calls`)."""


command = Command.decorator
