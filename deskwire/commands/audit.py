"""`deskwire audit verify`: whether the history is as it was written, record by record and anchor by anchor."""

from __future__ import annotations

import importlib

import click

from deskwire.cli import Exit
from deskwire.console import Voice
from deskwire.options import json_option
from deskwire.session import consumers, store_of
from shared.audit import Finding, verify
from shared.mongo import MongoStore
from shared.store import AUDIT


@click.group("audit")
def audit() -> None:
    """Check that nobody tampered with the history."""


@audit.command("verify")
@click.argument("services", nargs=-1)
@json_option
def verify_(services: tuple[str, ...], as_json: bool) -> int:
    """Verify SERVICES, or all. Exit code 4 when something is not as it was written."""
    voice = Voice(as_json=as_json)
    findings = {service: _verify(service) for service in services or consumers()}
    total = sum(len(found) for found in findings.values())
    voice.answer(
        {
            "intact": total == 0,
            "findings": {
                service: [{"record": one.record, "fault": one.fault} for one in found]
                for service, found in findings.items()
            },
        }
    )
    rows = [(service, one.record, one.fault) for service, found in findings.items() for one in found]
    if rows:
        voice.table(("service", "record", "fault"), rows)
    else:
        voice.line("The history is as it was written.")
    return Exit.NOT_WELL if total else Exit.DONE


def _verify(service: str) -> list[Finding]:
    store = store_of(service)
    return list(verify(store, sorted({*_named(service), *_seen(store)})))


def _named(service: str) -> tuple[str, ...]:
    """The collections whose records carry an audit, where the service's storage names them as `AUDITED`."""
    try:
        storage = importlib.import_module(f"services.{service}.storage")
    except ModuleNotFoundError:
        return ()
    return tuple(getattr(storage, "AUDITED", ()))


def _seen(store: MongoStore) -> set[str]:
    """The collections that the audit itself speaks of: the first row of each chain names its record."""
    return {str(row["record"]).partition(":")[0] for row in store.find(AUDIT, {"count": 1}, limit=10_000_000)}
