"""`deskwire up`: the whole stack on this machine. Prints each part as it gets ready, then what to try next."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

import click

from deploy.local import ports, running
from deploy.local.access import SENDER, find_services
from deploy.local.amqp import for_senders, without_password
from deploy.local.backing import Backing, prepare
from deploy.local.choices import BadChoice, Choices
from deploy.local.folders import Folders, find_folders
from deploy.local.parts import Parts
from deploy.local.stack import Plan, ops_ports, plan
from deploy.local.stop import Stop, on_signals
from deploy.local.supervisor import Supervisor
from deskwire.console import Voice
from deskwire.examples import amqp_publish_line, report_line, show_line
from deskwire.options import json_option
from deskwire.progress import make_progress
from shared.clock import SystemClock
from shared.config import Settings, SettingsError
from shared.ids import SystemIds


@click.command("up")
@json_option
def up(as_json: bool) -> None:
    """Start everything on this machine and stop it in order with Ctrl-C.

    Data and logs are kept in ./var (DESKWIRE_VAR moves it). Uses the broker at AMQP_URI and the database at
    MONGODB_URI when these are set, and starts its own otherwise.
    """
    folders = find_folders()
    # The services' settings are judged here, too: a fault told before anything starts costs nobody a wait.
    choices = judge(os.environ)
    services = find_services(folders.root)
    stop = Stop()
    voice = Voice(as_json=as_json)
    # The lock lives as long as this file is open, and the kernel lets go of it whatever happens.
    with running.take_lock(folders), on_signals(stop):
        ports.require_free(
            ((name, port) for name, port in ops_ports(services, choices.ops_base).items()), "DESKWIRE_OPS_BASE"
        )
        backing = prepare(choices, folders, services)
        plans = plan(services, choices.ops_base, backing.addresses)
        with make_progress(voice) as progress:

            def when_up() -> None:
                progress.finish()
                _tell(voice, folders, plans, backing)

            Supervisor(folders, Parts(backing=backing, plans=plans), progress, stop).run(when_up)
    voice.answer({"event": "stopped"})
    voice.line("Stopped.")


def judge(environment: Mapping[str, str]) -> Choices:
    """The choices for this machine. Raises BadChoice that names every fault, those of the services' settings too."""
    faults: dict[str, None] = {}
    choices = Choices()
    try:
        choices = Choices.read(environment)
    except BadChoice as error:
        faults |= dict.fromkeys(error.message.split("; "))
    try:
        Settings.load(environment)
    except SettingsError as error:
        faults |= dict.fromkeys(error.message.split("; "))
    if faults:
        raise BadChoice("; ".join(faults))
    return choices


def _tell(voice: Voice, folders: Folders, plans: tuple[Plan, ...], backing: Backing) -> None:
    sender = backing.addresses.amqp[SENDER]
    if backing.broker is None:
        # The broker is somebody else's: its address here holds the user and password of the services.
        sender = for_senders(sender)
    publish = amqp_publish_line(sender, at=SystemClock().now(), event_id=SystemIds().new())
    lines = [report_line(_program()), show_line(_program())]
    voice.answer(
        {
            "event": "up",
            "amqp_for_senders": sender,
            "mongodb": without_password(backing.addresses.mongodb),
            "ops": {plan.name: f"http://127.0.0.1:{plan.ops_port}" for plan in plans},
            "logs": str(folders.logs),
            "try": [*lines, publish],
        }
    )
    voice.line()
    voice.line("Deskwire is up. Ctrl-C stops it.", style="bold")
    voice.line()
    voice.line(f"  senders   {sender}   (exchange itsm.intake)")
    if backing.broker is None:
        voice.line("            Make that user on your broker: it may write to itsm.intake, and nothing else.")
    voice.line(f"  metrics   http://127.0.0.1:{plans[0].ops_port}/metrics  to  :{plans[-1].ops_port}/metrics")
    voice.line(f"  logs      {folders.logs}")
    voice.line()
    voice.line("Report an alert, then see the incident it became:")
    voice.line()
    for line in lines:
        voice.line(f"  {line}")
    voice.line()
    voice.line("The same from any AMQP client, such as Debian's amqp-tools:")
    voice.line()
    voice.line(f"  {publish}")
    voice.line()


def _program() -> str:
    """How the person can call this command from where they stand."""
    beside = os.path.join(os.path.dirname(sys.executable), "deskwire")
    relative = os.path.relpath(beside)
    return min(relative, beside, key=len) if os.path.exists(beside) else "python -m deskwire"
