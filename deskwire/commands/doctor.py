"""`deskwire doctor`: what is wrong with this machine or its configuration, and what to do about it."""

from __future__ import annotations

from dataclasses import asdict

import click

from deploy.local.folders import find_folders
from deskwire.checks import examine
from deskwire.cli import Exit
from deskwire.console import Voice, marked
from deskwire.options import json_option


@click.command("doctor")
@json_option
def doctor(as_json: bool) -> int:
    """Look at Python, packages, settings, disk, broker, database and ports. Exit code 4 when something is wrong."""
    findings = examine(find_folders())
    voice = Voice(as_json=as_json)
    well = all(finding.well for finding in findings)
    voice.answer({"well": well, "findings": [asdict(finding) for finding in findings]})
    rows = [
        (finding.subject, marked(finding.well, finding.text), "" if finding.well else finding.advice)
        for finding in findings
    ]
    voice.table(("", "", ""), rows)
    return Exit.DONE if well else Exit.NOT_WELL
