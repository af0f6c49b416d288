"""The door of incident: messages of foreign systems, events of problem, commands and questions. It decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from nameko.extensions import DependencyProvider

from services.incident import storage
from services.incident.domain.lifecycle import Action
from services.incident.handlers import catching_up, commands, figures, gaps, intake, links, lists, questions, quiet
from services.incident.handlers.arrivals import Refusal
from services.incident.handlers.portions import in_portions
from services.incident.handlers.ports import Ports
from services.incident.schemas import commands as arguments
from services.incident.schemas import intake as messages
from services.incident.schemas import problem
from services.incident.schemas.settings import load_settings
from services.incident.schemas.snapshot import snapshot
from shared import logs
from shared.config import Settings
from shared.entrypoints import events, tick
from shared.envelope import Envelope
from shared.lease import Lease
from shared.metrics import ACTIONS_WAITING, INCIDENTS_OPEN, SEQUENCE_GAPS
from shared.rpc_entrypoint import command
from shared.runtime import SETTINGS, Desk, Runtime
from shared.store import Document
from shared.unit_of_work import Taken

log = logs.get(__name__)


class IncidentPorts(DependencyProvider):
    """The ports of the use cases; the settings file is read at the start, which it stops when the file is wrong."""

    runtime = Runtime()

    def setup(self) -> None:
        settings: Settings = self.container.config[SETTINGS]
        self._rules = load_settings(settings.incident_file)
        self._incidents = storage.incidents(snapshot, self._rules.priorities.lanes.__getitem__)

    def get_dependency(self, _worker_ctx: Any) -> Ports:
        return Ports(
            incidents=self._incidents,
            numbers=self.runtime.numbers,
            seal=self.runtime.seal,
            priorities=self._rules.priorities,
            alerts=self._rules.alerts,
            gap_after=self._rules.gap_after,
        )


class IncidentService:
    """Incidents, requests and alerts."""

    name = "incident"

    desk: Runtime = Desk()
    ports: Ports = IncidentPorts()

    @events("intake")
    def on_intake(self, envelopes: Sequence[Envelope]) -> Taken:
        read = partial(messages.read, rules=self.ports.alerts)
        return intake.take_intake(self.desk.unit_of_work, envelopes, ports=self.ports, read=read, warn=tell_refused)

    @events("problem")
    def on_problem(self, envelopes: Sequence[Envelope]) -> Taken:
        return links.take_problem(self.desk.unit_of_work, envelopes, ports=self.ports, read=problem.read)

    @tick("quiet", every=5.0)
    def quiet(self, lease: Lease) -> int:
        """Resolve what has settled or gone silent."""
        look = partial(quiet.look, lease=lease, ports=self.ports)
        postpone = partial(quiet.postpone, lease=lease)
        return in_portions(self.desk.unit_of_work, look, postpone, quiet.AT_ONCE) or 0

    @tick("gaps", every=10.0)
    def gaps(self, lease: Lease) -> int:
        """Tell of gaps in foreign histories that stay open."""
        tell = partial(gaps.tell, lease=lease, ports=self.ports)
        postpone = partial(gaps.postpone, lease=lease, ports=self.ports)
        told = in_portions(self.desk.unit_of_work, tell, postpone, gaps.AT_ONCE) or []
        for gap in told:
            tell_gap(gap)
        SEQUENCE_GAPS.set(self.desk.unit_of_work.run(gaps.count_open))
        return len(told)

    @tick("catching_up", every=2.0)
    def catch_up(self, lease: Lease) -> int:
        """Go on with foreign histories whose gap has closed."""
        read = intake.reading_tickets(partial(messages.read, rules=self.ports.alerts))
        go_on = partial(catching_up.go_on, lease=lease, ports=self.ports, read=read, warn=tell_refused)
        pass_over = partial(catching_up.pass_over_next, lease=lease)
        done = in_portions(self.desk.unit_of_work, go_on, pass_over, catching_up.AT_ONCE)
        return 1 if done is None else done

    @tick("figures", every=60.0)
    def measure(self, _lease: Lease) -> int:
        """Set the gauges; one replica at a time has them."""
        for (priority, level), count in self.desk.unit_of_work.run(figures.count_open).items():
            INCIDENTS_OPEN.labels(priority=priority, level=level).set(count)
        ACTIONS_WAITING.set(self.desk.unit_of_work.run(figures.count_waiting))
        return 0

    @command
    def open(self, request: dict[str, Any]) -> Document:
        return self._execute(Action.OPEN, request, commands.open_command)

    @command
    def assign(self, request: dict[str, Any]) -> Document:
        return self._act(Action.ASSIGN, request)

    @command
    def escalate(self, request: dict[str, Any]) -> Document:
        return self._act(Action.ESCALATE, request)

    @command
    def hand_back(self, request: dict[str, Any]) -> Document:
        return self._act(Action.HAND_BACK, request)

    @command
    def accept(self, request: dict[str, Any]) -> Document:
        return self._act(Action.ACCEPT, request)

    @command
    def wait(self, request: dict[str, Any]) -> Document:
        return self._act(Action.WAIT, request)

    @command
    def resume(self, request: dict[str, Any]) -> Document:
        return self._act(Action.RESUME, request)

    @command
    def note(self, request: dict[str, Any]) -> Document:
        return self._act(Action.NOTE, request)

    @command
    def prioritise(self, request: dict[str, Any]) -> Document:
        return self._act(Action.PRIORITISE, request)

    @command
    def resolve(self, request: dict[str, Any]) -> Document:
        return self._act(Action.RESOLVE, request)

    @command
    def reopen(self, request: dict[str, Any]) -> Document:
        return self._act(Action.REOPEN, request)

    @command
    def close(self, request: dict[str, Any]) -> Document:
        return self._act(Action.CLOSE, request)

    @command
    def cancel(self, request: dict[str, Any]) -> Document:
        return self._act(Action.CANCEL, request)

    @command
    def link(self, request: dict[str, Any]) -> Document:
        return self._act(Action.LINK, request)

    @command
    def get(self, request: dict[str, Any]) -> Document:
        handler = partial(questions.get, ports=self.ports)
        return self.desk.commands.answer(request, arguments.GetArgs(), handler)

    @command
    def find(self, request: dict[str, Any]) -> Document:
        handler = partial(lists.find, ports=self.ports)
        return self.desk.commands.answer(request, arguments.FindArgs(), handler)

    @command
    def report(self, request: dict[str, Any]) -> Document:
        return self.desk.commands.answer(request, arguments.ReportArgs(), figures.report)

    def _act(self, action: Action, request: dict[str, Any]) -> Document:
        return self._execute(action, request, partial(commands.act, action=action))

    def _execute(self, action: Action, request: dict[str, Any], handler: Callable[..., Document]) -> Document:
        schema = arguments.ARGUMENTS[action]()
        return self.desk.commands.execute(action.value, request, schema, partial(handler, ports=self.ports))


def tell_gap(gap: gaps.Gap) -> None:
    """Log a gap that stays open: where its ticket never came there is no record to show it."""
    log.warning(
        "a gap in a foreign history stays open",
        reference=gap.reference,
        sequence=gap.sequence,
        waiting=gap.waiting,
        number=gap.number,
    )


def tell_refused(refusal: Refusal) -> None:
    """Log a waiting action that could not be done: it is no dead letter, its record shows it."""
    log.warning(
        "waiting action refused",
        reference=refusal.reference,
        sequence=refusal.sequence,
        number=refusal.number,
        slug=refusal.slug,
    )
