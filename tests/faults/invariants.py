"""What must hold when everything is quiet, as sets: what is missing, what is there twice, what nobody asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from shared.topology import Catalogue, dead_queue, matches
from tests.faults.ledger import SOURCE, Ledger, Verdict, compare
from tests.faults.observed import RECORDS, Observed

UNFINISHED = frozenset({"new", "assigned", "in_progress", "waiting"})
JOINS = ("opened", "joined", "reopened")
CLOCK_KINDS = ("response", "resolution")


def published(ledger: Ledger, _seen: Observed) -> Verdict:
    """The broker has confirmed every event that was to be published."""
    return compare("published", ledger.sent, ledger.confirmed)


def occurrences(ledger: Ledger, seen: Observed) -> Verdict:
    """Each confirmed alert has one occurrence."""
    expected = {f"{SOURCE}:{one}" for one in ledger.of("alert.firing", "alert.resolved")}
    return compare("alerts = occurrences", expected, (row["_id"] for row in seen.details["occurrences"]))


def incidents(ledger: Ledger, seen: Observed) -> Verdict:
    """Each incident was opened by one occurrence or one ticket, and by nothing else."""
    opened = [row["incident"] for row in seen.details["occurrences"] if row["outcome"] == "opened"]
    submitted = [row["number"] for row in seen.details["external_refs"]]
    return compare("openings = incidents", (row["_id"] for row in seen.records["incident"]), [*opened, *submitted])


def tickets(ledger: Ledger, seen: Observed) -> Verdict:
    """Each ticket is one record in the state and at the version to which its history leads."""
    rows = [row for row in seen.records["incident"] if row["external_ref"]]
    expected = {(ref, state, version) for ref, (state, version) in ledger.tickets.items()}
    return compare("tickets", expected, ((row["external_ref"], row["state"], row["version"]) for row in rows))


def waiting_actions(_ledger: Ledger, seen: Observed) -> Verdict:
    """No action waits for one that came before it."""
    return compare("actions waiting", (), (row["_id"] for row in seen.details["waiting_actions"]))


def open_incidents(ledger: Ledger, seen: Observed) -> Verdict:
    """A fingerprint whose last news is that it fires has one open incident; one that has cleared has none."""
    rows = [row for row in seen.records["incident"] if row["fingerprint"] and row["state"] in UNFINISHED]
    return compare("one open incident a fingerprint", ledger.firing, (row["title"].split()[-1] for row in rows))


def claims(_ledger: Ledger, seen: Observed) -> Verdict:
    """The claims on fingerprints are those of the open incidents, and count each occurrence that joined them."""
    joined = Counter(row["incident"] for row in seen.details["occurrences"] if row["outcome"] in JOINS)
    rows = [row for row in seen.records["incident"] if row["fingerprint"] and row["state"] in UNFINISHED]
    expected = ((row["fingerprint"], row["_id"], joined[row["_id"]]) for row in rows)
    found = ((row["_id"], row["incident"], row["count"]) for row in seen.details["open_alerts"])
    return compare("claims", expected, found)


def clocks(_ledger: Ledger, seen: Observed) -> Verdict:
    """Each incident has one clock of each kind."""
    expected = ((row["_id"], kind) for row in seen.records["incident"] for kind in CLOCK_KINDS)
    return compare("clocks", expected, ((row["incident"], row["kind"]) for row in seen.records["sla"]))


def folded(_ledger: Ledger, seen: Observed) -> Verdict:
    """sla has folded every version of every incident."""
    expected = ((row["_id"], row["version"]) for row in seen.records["incident"])
    return compare("versions folded", expected, ((row["incident"], row["folded"]) for row in seen.details["cases"]))


def thresholds(_ledger: Ledger, seen: Observed) -> Verdict:
    """No threshold of a clock was told twice."""
    told = [
        (one["subject"], one["type"], one["data"]["change"].get("threshold"))
        for one in seen.told
        if one["type"] in ("sla.warned", "sla.breached", "sla.passed")
    ]
    return compare("thresholds told", told, told)


def changes(ledger: Ledger, seen: Observed) -> Verdict:
    """Each version deployed without leave has one change, which knows of each of its deployments once."""
    found = (
        (row["deployments"][0]["version"], row["deployment_count"], len({one["id"] for one in row["deployments"]}))
        for row in seen.records["change"]
    )
    return compare("deployments", ((version, n, n) for version, n in ledger.deployed.items()), found)


def deliveries(ledger: Ledger, seen: Observed) -> Verdict:
    """Each event has one delivery for each of its recipients and channels, and each was sent."""
    expected = {
        (one["id"], recipient, channel, "sent")
        for one in seen.live
        for recipient, channel in ledger.wanted.get(one["type"], ())
    }
    found = ((row["event"], row["recipient"], row["channel"], row["state"]) for row in seen.records["notify"])
    return compare("deliveries", expected, found)


def calls(_ledger: Ledger, seen: Observed) -> Verdict:
    """Each delivery sent reached its sink at least once, under one and the same id."""
    rows = [row for row in seen.records["notify"] if row["state"] == "sent"]
    identities = {(one.event, one.recipient, one.channel, one.identity) for one in seen.calls}
    found = Counter((event, recipient, channel) for event, recipient, channel, _ in identities)
    return compare(
        "calls at the sinks", ((row["event"], row["recipient"], row["channel"]) for row in rows), found.elements()
    )


def unsent(_ledger: Ledger, seen: Observed) -> Verdict:
    """Every journal row was confirmed by the broker."""
    found = (f"{name}:{row['_id']}" for name, rows in seen.unsent.items() for row in rows)
    return compare("journal sent", (), found)


def positions(_ledger: Ledger, seen: Observed) -> Verdict:
    """Positions count from 1 without a gap in each service."""
    expected = ((name, index) for name, rows in seen.journals.items() for index in range(1, len(rows) + 1))
    given = ((name, row["position"]) for name, rows in seen.journals.items() for row in rows)
    return compare("positions", expected, (one for one in given if one[1] is not None))


def versions(_ledger: Ledger, seen: Observed) -> Verdict:
    """Each record has one journal row for each of its versions."""
    expected = (
        (service, row["_id"], version)
        for service in RECORDS
        for row in seen.records[service]
        for version in range(1, row["version"] + 1)
    )
    found = ((service, row["subject"], row["sequence"]) for service in RECORDS for row in seen.journals[service])
    return compare("versions", expected, found)


def audit(_ledger: Ledger, seen: Observed) -> Verdict:
    """Every audit row follows its predecessor, every record its last row, every anchor the rows."""
    return compare("audit", (), seen.audit)


def queues(_ledger: Ledger, seen: Observed) -> Verdict:
    """Work and retry queues are empty."""
    full = ((name, count) for name, count in seen.queues.items() if count and not name.endswith(".dead"))
    return compare("queues empty", (), (f"{name} ({count})" for name, count in full))


def dead_letters(ledger: Ledger, seen: Observed) -> Verdict:
    """The dead letters, as an operator sees them, are the poison: each once, under its reason."""
    expected = ((consumer, one, reason) for (consumer, one), reason in ledger.dead.items())
    found = ((letter.consumer, letter.message_id, letter.reason) for letter in seen.letters)
    return compare("dead letters = poison", expected, found)


def dead_queues(_ledger: Ledger, seen: Observed) -> Verdict:
    """The dead queues are as long as what was read from them, copies included."""
    counted: Counter[str] = Counter()
    for letter in seen.letters:
        counted[dead_queue(letter.consumer)] += letter.copies
    expected = ((name, count) for name, count in counted.items())
    found = ((name, count) for name, count in seen.queues.items() if count and name.endswith(".dead"))
    return compare("dead queues", expected, found)


def inboxes(catalogue: Iterable[Catalogue]) -> Callable[[Ledger, Observed], Verdict]:
    """Each consumer has one row for each event that is bound to it, and for each message of the intake it handled."""
    bound = tuple(catalogue)

    def check(ledger: Ledger, seen: Observed) -> Verdict:
        expected = {key for one in bound for key in _inbox(one, ledger, seen)}
        return compare("inbox = bindings", expected, (key for rows in seen.inboxes.values() for key in rows))

    return check


def _inbox(consumer: Catalogue, ledger: Ledger, seen: Observed) -> Iterable[str]:
    for producer, patterns in consumer.consumes.items():
        if producer == "intake":
            for identity in ledger.of(*patterns):
                yield f"{consumer.service}:{SOURCE}:{identity}"
            continue
        for row in seen.journals.get(producer, ()):
            if any(matches(pattern, row["type"]) for pattern in patterns):
                yield f"{consumer.service}:/{producer}:{row['_id']}"


CHECKS: tuple[Callable[[Ledger, Observed], Verdict], ...] = (
    published,
    occurrences,
    incidents,
    tickets,
    waiting_actions,
    open_incidents,
    claims,
    clocks,
    folded,
    thresholds,
    changes,
    deliveries,
    calls,
    unsent,
    positions,
    versions,
    audit,
    queues,
    dead_letters,
    dead_queues,
)


def judge(ledger: Ledger, seen: Observed, catalogue: Iterable[Catalogue]) -> list[Verdict]:
    """Every invariant's verdict."""
    return [check(ledger, seen) for check in (*CHECKS, inboxes(catalogue))]
