"""`deskwire sla`: questions that are answered by recomputing clocks from their history."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from deskwire.cli import Exit
from deskwire.console import BAD, Voice, progress_bar
from deskwire.options import json_option
from deskwire.session import OPERATOR_ACTOR, rpc, store_of
from deskwire.sla import comparison, expectation, outages, outlook, tables
from deskwire.sla.backtest import Trial, chunks, run_here, run_in_workers
from deskwire.sla.page import check_page, make_page
from deskwire.sla.report_page import Period, make_report
from deskwire.sla.signing import expected_signer, find_or_make_key, fingerprint, key_file, squeezed
from deskwire.sla.times import OpenTime, Zone, period, zone_option
from deskwire.sla.view import show
from deskwire.sla.walk import pages
from services.sla.domain.figures import DIMENSIONS
from services.sla.domain.kinds import Kind
from services.sla.domain.policy import ALL, MAIN
from services.sla.settings import load
from shared.clock import SystemClock, format_instant
from shared.config import Settings
from shared.errors import Invalid, Unavailable

CLOCKS = tuple(kind.value for kind in Kind)
CSV = ("attainment", "downtime")
NOTES = {
    "behind": "are past their due instant, which is yet to be told: the ticker is behind.",
    "outdated": "are yet to be computed by the agreements in force and were left out; run it again.",
    "moving": "changed while they were read and were left out; run it again.",
    "kept": "passed a threshold by what held then; that stands, and was not computed again.",
    "superseded": "ended by policies or a calendar that hold no more, and are right by those.",
    "bygone": "ended by what is not known any more, and by today's would have ended otherwise: they are not proven.",
    "unproven": "are older than the history that is kept: nothing is proven of them.",
    "lost": "have lost history that should be kept: it was removed.",
}


@click.group("sla")
def sla() -> None:
    """Service levels: explain a clock, tell what to expect, verify them all, try a draft, report, predict."""


@sla.command("explain")
@click.argument("number")
@click.option("--clock", type=click.Choice(CLOCKS), help="Clocks of this kind only.")
@click.option("--agreement", metavar="NAME", help="Clocks of this agreement only; main is the first one.")
@click.option("--at", "at_text", metavar="INSTANT", help="As of this instant; without an offset in the shown zone.")
@click.option("--in-force", is_flag=True, help="Ended clocks, too, by the agreements that hold today.")
@zone_option
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a signed page for a customer.")
@json_option
def explain(
    number: str,
    at_text: str | None,
    in_force: bool,
    zone_name: str | None,
    html: Path | None,
    as_json: bool,
    **only: str | None,
) -> None:
    """Explain the clocks of the incident NUMBER: every span, its event, what counted and what did not."""
    voice, zone = Voice(as_json=as_json), Zone(zone_name)
    args: dict[str, Any] = {name: value for name, value in only.items() if value is not None}
    if at_text is not None:
        args["at"] = format_instant(zone.read(at_text))
    if in_force:
        args["inputs"] = "in-force"
    with rpc() as client:
        answer = client.call("sla", "explain", {"number": number.upper(), "args": args, "actor": OPERATOR_ACTOR})
    if html is not None:
        _write(html, make_page(answer, zone, find_or_make_key(key_file())))
    voice.answer(answer)
    if html is None:
        show(answer, voice, zone)
    else:
        voice.line(f"{html} is written and signed. Check it with: deskwire sla check {html}")


@sla.command("expect")
@click.argument("number")
@click.option("--zone", metavar="ZONE", help="Tell times in this zone; in the requester's when left out.")
@json_option
def expect(number: str, zone: str | None, as_json: bool) -> None:
    """Tell by when the requester of the incident NUMBER may expect a reply and a solution."""
    voice = Voice(as_json=as_json)
    args = {} if zone is None else {"zone": zone}
    with rpc() as client:
        answer = client.call("sla", "expect", {"number": number.upper(), "args": args, "actor": OPERATOR_ACTOR})
    voice.answer(answer)
    if not as_json:
        expectation.show(answer, voice)


@sla.command("check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--key", "expected", metavar="FINGERPRINT", help="The signer's; this desk's own when left out.")
@json_option
def check(file: Path, expected: str | None, as_json: bool) -> int:
    """Check that FILE, a page of `explain --html`, is as it was signed. Exit code 4 when it is not."""
    voice = Voice(as_json=as_json)
    try:
        answer, public = check_page(file.read_text(encoding="utf-8"))
        signer, wanted = fingerprint(public), expected_signer(expected)
        fault = "" if squeezed(signer) == squeezed(wanted) else f"signed by another key: {signer}"
    except (Invalid, UnicodeDecodeError) as error:
        answer, signer, fault = {}, "", str(error)
    voice.answer({"intact": not fault, "fault": fault or None, "signer": signer or None, "explanation": answer or None})
    voice.line(f"{file}: {fault}." if fault else f"{file} is as it was signed: {answer['number']}, {answer['as_of']}.")
    return Exit.NOT_WELL if fault else Exit.DONE


@sla.command("verify")
@period
@zone_option
@json_option
def verify(since: str | None, until: str | None, zone_name: str | None, as_json: bool) -> int:
    """Recompute every clock from its history and compare.

    Exit code 4 when something is stored otherwise, when history was removed, or when nothing could be proven at all.
    """
    voice, zone = Voice(as_json=as_json), Zone(zone_name)
    total, found = dict.fromkeys(("checked", *NOTES), 0), list[dict[str, Any]]()
    with rpc() as client:
        for page in pages(client, "verify", *zone.read_period(since, until)):
            total = {name: number + page[name] for name, number in total.items()}
            found += page["differences"]
    proven = total["checked"] - total["bygone"] - len({one["clock"] for one in found})
    intact = not found and not total["lost"]
    voice.answer({**total, "intact": intact, "proven": proven, "differences": found})
    if found:
        columns = ("clock", "field", "stored", "expected", "inputs")
        rows = [[str("" if one[name] is None else one[name]) for name in columns] for one in found]
        voice.table(("clock", "field", "stored", "by its history", "computed with"), rows)
    words = f"{len(found)} differences" if found else "no difference"
    voice.line(f"{total['checked']} clocks recomputed, {words}.", style=BAD if found else None)
    for name, text in NOTES.items():
        if total[name]:
            voice.line(f"{total[name]} {text}")
    nothing_proven = proven == 0 and any(total[name] for name in ("unproven", "bygone"))
    return Exit.DONE if intact and not nothing_proven else Exit.NOT_WELL


@sla.command("backtest")
@click.argument("draft", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@period
@click.option("--against", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Instead of what holds.")
@click.option("--first", type=click.IntRange(0), default=20, show_default=True, help="Changed verdicts to list.")
@click.option("--workers", type=click.IntRange(1), help="Processes to use; one for each core when left out.")
@zone_option
@json_option
def backtest(
    draft: Path,
    since: str | None,
    until: str | None,
    against: Path | None,
    first: int,
    workers: int | None,
    zone_name: str | None,
    as_json: bool,
) -> None:
    """Run DRAFT, a settings file of policies and calendars, over the history: attainment before and after.

    Reads the database in this process and its workers: no service is asked, and none is held up.
    """
    voice, zone = Voice(as_json=as_json), Zone(zone_name)
    trial = Trial(load(against or Settings.load().sla_file), load(draft), SystemClock().now())
    store = store_of("sla")
    parts = chunks(store, *zone.read_period(since, until))
    with progress_bar() as shown:
        task = shown.add_task("records", total=None)
        if workers == 1:
            found = run_here(trial, store, parts, lambda records: shown.advance(task, records))
        else:
            found = run_in_workers(trial, parts, lambda records: shown.advance(task, records), workers)
    voice.answer(comparison.document(found))
    if not as_json:
        comparison.show(found, voice, first)


@sla.command("report")
@click.option("--by", type=click.Choice(DIMENSIONS), default="priority", show_default=True, help="What to group by.")
@click.option("--agreement", metavar="NAME", help="Whose clocks, or all; main when left out, all when grouped by it.")
@period
@zone_option
@click.option("--csv", "as_csv", type=click.Choice(CSV), is_flag=False, flag_value=CSV[0], help="A table as CSV.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page with charts.")
@json_option
def report(
    by: str,
    agreement: str | None,
    since: str | None,
    until: str | None,
    zone_name: str | None,
    as_csv: str | None,
    html: Path | None,
    as_json: bool,
) -> None:
    """Report attainment, mean times, causes of breaches, the age of the backlog and the downtime of services."""
    voice, zone, now = Voice(as_json=as_json), Zone(zone_name), SystemClock().now()
    bounds, whose = zone.read_period(since, until), agreement or (ALL if by == "agreement" else MAIN)
    found, down = tables.empty(by), outages.Found(since=bounds[0], until=bounds[1])
    with rpc() as client:
        for page in pages(client, "figures", *bounds, by=by, agreement=whose):
            tables.add(found, page)
        for page in pages(client, "downtime", *bounds):
            down.add(page)
    if html is not None:
        _write(html, make_report(found, down, Period(since=bounds[0], until=bounds[1], as_of=now), zone))
    if as_csv and not as_json:
        text = tables.as_csv(found) if as_csv == CSV[0] else tables.csv_of(outages.COLUMNS, outages.rows(down))
        click.echo(text, nl=False)
        return
    voice.answer({**tables.document(found), "downtime": outages.document(down)})
    if html is not None:
        voice.line(f"{html} is written.")
    elif not as_json:
        tables.show(found, voice)
        outages.show(down, voice)


@sla.command("predict")
@click.option("--within", type=OpenTime(), default="1h", show_default=True, help="Open time ahead: 30m, 8h.")
@click.option("--days", type=click.IntRange(1, 400), default=28, show_default=True, help="How much past to learn from.")
@zone_option
@json_option
def predict(within: timedelta, days: int, zone_name: str | None, as_json: bool) -> None:
    """Tell which clocks run out before the next working hour ends, and which of them by how long records take."""
    voice, zone, found = Voice(as_json=as_json), Zone(zone_name), outlook.Found()
    now = SystemClock().now()
    with rpc() as client:
        for page in pages(client, "predict", None, None, within_seconds=int(within.total_seconds())):
            found.add(page)
        if found.clocks:
            for page in pages(client, "lengths", now - timedelta(days=days), now, limit=500):
                if not found.learn(page):
                    break
    voice.answer(outlook.document(found))
    if not as_json:
        outlook.show(found, voice, zone)


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Unavailable(f"{file} cannot be written: {error}") from None
