"""Answers "why is this clock where it is": the proof of a record's clocks, as of now or any instant before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from services.sla.domain.case import Case, missing
from services.sla.domain.explanation import Explanation, Part, explain
from services.sla.domain.history import Entry
from services.sla.domain.policy import Agreements
from services.sla.domain.record import Clock
from services.sla.domain.run import Activity, Identity, Threshold
from services.sla.handlers.editions import Editions
from services.sla.handlers.histories import load_histories
from services.sla.handlers.rows import key_of, load_cases
from services.sla.handlers.windows import CLOCKS
from shared.clock import format_instant
from shared.errors import Forbidden, Invalid, NotFound
from shared.event import Event
from shared.storage import from_document, to_document
from shared.store import Document
from shared.unit_of_work import Work

if TYPE_CHECKING:
    from shared.command import Command

_FAR = datetime.max.replace(tzinfo=UTC)
IN_FORCE = "in-force"
_FACT_FIELDS = ("state", "priority", "service", "team", "level", "organisation")


def explain_clocks(work: Work, command: Command, args: Mapping[str, Any], *, agreements: Agreements) -> Document:
    """The clocks of the incident `number` at `at` (now when it is left out), recomputed from its history alone.

    Strictest first: clocks that run by their due instant, then those that stand, then those that have ended. `clock`
    keeps one kind, `agreement` those of one agreement. Clocks that have ended are computed by the inputs by which they
    did, where these are kept, unless `inputs` is `in-force`. Raises NotFound when sla knows no such incident, when it
    had not begun at `at`, or when its history is no longer kept; Forbidden (`restricted`) for a restricted incident,
    also as of an instant before it was; Invalid for an instant to come.
    """
    number, at = command.require_number(), args.get("at") or work.now
    if at > work.now:
        raise Invalid("lies in the future", pointer="/args/at")
    case = load_cases(work, [number]).get(number)
    if case is None or case.latest is None:
        raise NotFound(f"sla has no incident {number}", pointer="/number")
    if case.latest.restricted:
        raise Forbidden(f"{number} is restricted: its clocks are not explained", slug="restricted", pointer="/number")
    entries = load_histories(work, [case])[number]
    if entries is None:
        raise NotFound(f"the history of {number} is no longer kept", slug="history-gone", pointer="/number")
    then, clocks = explain(number, entries, agreements, at, kept=case.kept)
    if then.latest is None:
        raise NotFound(f"{number} had not begun at {format_instant(at)}", slug="not-begun", pointer="/args/at")
    wanted, told = args.get("clock"), _records(work, case)
    found: dict[Identity, Explanation | None] = {one.run.identity: one for one in clocks}
    editions = Editions(work, case, entries, agreements)
    proven = {} if args.get("inputs") == IN_FORCE else dict(_by_their_own(case, told, found, editions, at, work.now))
    older = {identity for identity in proven if told[identity].edition != agreements.edition}
    shown = [one for one in {**found, **proven}.values() if one is not None]
    if at != work.now:
        told = {}
    return {
        "number": number,
        "as_of": format_instant(at),
        "folded": then.folded,
        "missing": missing(case),
        "incident": _incident(then.latest),
        "clocks": [
            {
                **_clock(one, case),
                "in_force": one.run.identity not in older,
                "told": _as_told(told.get(one.run.identity), one),
            }
            for one in sorted(shown, key=_strictness)
            if wanted in (None, one.run.kind.value) and args.get("agreement") in (None, one.run.agreement)
        ],
    }


def _by_their_own(
    case: Case,
    told: Mapping[Identity, Clock],
    by_today: Mapping[Identity, Explanation | None],
    editions: Editions,
    at: datetime,
    now: datetime,
) -> Iterator[tuple[Identity, Explanation | None]]:
    """The clocks that have ended, by what proves their records; None for one that had not begun at `at`. Those that
    rest on what holds today, and that it bears out, are left out, and those that nothing proves."""
    for run in case.runs:
        record = told.get(run.identity)
        if run.is_open or record is None:
            continue
        if record.edition == editions.in_force and _is(record, by_today.get(run.identity)):
            continue
        then = editions.of(record)
        proof = None if then is None else then.prove(record, run, now)
        if then is not None and proof is not None:
            yield run.identity, then.explain(record, proof, at)


def _is(record: Clock, one: Explanation | None) -> bool:
    """Whether the explanation of a clock that has ended says of it what was told."""
    if one is None:
        return False
    told = (record.state, record.due_at, record.breached_at, record.stopped_at)
    return told == (one.state, one.due_at, one.run.breached_at, one.stopped_at)


def _strictness(one: Explanation) -> tuple[int, datetime]:
    """Of clocks that are alike in this, the one that began first comes first."""
    if one.stopped_at is not None:
        return 2, _FAR
    return (0, one.due_at or _FAR) if one.parts[-1].counts else (1, _FAR)


def _records(work: Work, case: Case) -> dict[Identity, Clock]:
    rows = work.load(CLOCKS, [key_of(case.incident, run) for run in case.runs])
    return {one.identity: one for one in (from_document(Clock, row) for row in rows.values())}


def _as_told(clock: Clock | None, one: Explanation) -> Document | None:
    """What was told last, where that was computed with other inputs than the explanation, or a clock that has ended was
    told otherwise; else null."""
    if clock is None or clock.inputs is None:
        return None
    if clock.inputs == one.terms.inputs and (clock.stopped_at is None or _is(clock, one)):
        return None
    return {
        "state": clock.state.value,
        "due_at": _instant(clock.due_at),
        "breached_at": _instant(clock.breached_at),
        "inputs": to_document(clock.inputs),
    }


def _incident(latest: Entry) -> Document:
    return {name: getattr(latest, name) for name in _FACT_FIELDS}


def _clock(one: Explanation, case: Case) -> Document:
    policy, calendar = one.terms.policy, one.terms.calendar
    return {
        "clock": one.run.kind.value,
        "agreement": one.run.agreement,
        "instance": one.run.instance,
        "party": one.run.party,
        "state": one.state.value,
        "priority": one.run.priority,
        "policy": policy.name,
        "policy_version": one.terms.match.version,
        "rule": one.terms.match.rule,
        "why": one.why,
        "pauses": sorted(policy.pauses),
        "calendar": {"name": calendar.name, "zone": calendar.zone},
        "inputs": to_document(one.terms.inputs),
        "target_seconds": one.target.total_seconds(),
        "elapsed_seconds": one.elapsed.total_seconds(),
        "remaining_seconds": (one.target - one.elapsed).total_seconds(),
        "started_at": format_instant(one.run.since),
        "due_at": _instant(one.due_at),
        "stopped_at": _instant(one.stopped_at),
        "breached_at": _instant(one.run.breached_at),
        "thresholds": [
            *(_threshold(each, passed=True, kept=_is_kept(each, one, case)) for each in one.run.passed),
            *(_threshold(each, passed=False, kept=False) for each in one.ahead),
        ],
        "spans": [_span(part) for part in one.parts],
        "facts": [_fact(event) for event in one.facts],
    }


def _is_kept(threshold: Threshold, one: Explanation, case: Case) -> bool:
    return any(kept.identity == one.run.identity and kept.threshold == threshold for kept in case.kept)


def _threshold(threshold: Threshold, *, passed: bool, kept: bool) -> Document:
    """`kept`: it was passed under inputs that hold no more, and stays so."""
    return {
        "name": threshold.name,
        "percent": threshold.percent,
        "at": format_instant(threshold.at),
        "passed": passed,
        "kept": kept,
    }


def _span(part: Part) -> Document:
    """`to` is null for the last span; `until` is where it ends as far as this explanation looks."""
    span, cause = part.span, part.cause
    return {
        "from": format_instant(span.start),
        "to": _instant(span.end),
        "until": format_instant(part.end),
        "activity": span.activity.value,
        "reason": span.reason or None,
        "counts": part.counts,
        "seconds": (part.end - span.start).total_seconds(),
        "counted_seconds": part.counted.total_seconds(),
        "excluded": [] if span.activity in (Activity.STOPPED, Activity.CANCELLED) else _excluded(part),
        "stretches": [
            {"from": format_instant(one.start), "to": format_instant(one.end), "open": one.open, "why": one.why}
            for one in part.stretches
        ],
        "event": {
            "id": cause.trail.eventid,
            "type": cause.type,
            "version": cause.version,
            "at": format_instant(cause.at),
            "level": cause.level,
            "team": cause.team,
        },
    }


def _excluded(part: Part) -> list[Document]:
    """How much of the span did not count, by why, in order of the first."""
    sums = dict[str, timedelta]()
    for one in part.stretches:
        if not one.open:
            sums[one.why] = sums.get(one.why, timedelta(0)) + (one.end - one.start)
    return [{"why": why, "seconds": length.total_seconds()} for why, length in sums.items()]


def _fact(event: Event) -> Document:
    change = {name: _plain(value) for name, value in event.change.items()}
    return {"type": event.type, "at": format_instant(event.at), "change": change}


def _plain(value: Any) -> Any:
    return format_instant(value) if isinstance(value, datetime) else value


def _instant(at: datetime | None) -> str | None:
    return None if at is None else format_instant(at)
