"""The command line: its groups, and what every command has in common (errors in a sentence, exit codes, `--json`)."""

from __future__ import annotations

import errno
import importlib
import io
import json
import os
import sys
import traceback
from enum import IntEnum
from types import TracebackType
from typing import Any, NoReturn

import click

from shared.errors import DeskwireError, Invalid, Unavailable
from shared.text.terminal import harmless

COMMANDS = {
    "up": ("up", "Start everything on this machine and stop it with Ctrl-C."),
    "status": ("status", "Services, queues, journal lag and dead letters at a glance."),
    "doctor": ("doctor", "Say in words what is wrong with this machine or its configuration."),
    "report": ("report", "Report an alert or a ticket, as a foreign system would."),
    "replay": ("replay", "Bring another desk's history over and report what became of it."),
    "incidents": ("incidents", "List incidents by number."),
    "show": ("incidents", "Show one record with its history."),
    "deliveries": ("deliveries", "List notifications, and how they went."),
    "resend": ("deliveries", "Send one notification again, or all that failed."),
    "sla": ("sla", "Service levels: explain, check, verify, back-test, report."),
    "topology": ("topology", "Print or declare the exchanges and queues."),
    "dead": ("dead", "Dead letters: list, show, replay, discard."),
    "audit": ("audit", "Check that nobody tampered with the history."),
}

_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
EXIT_CODES = """\b
Exit codes:
  0  done
  1  an unforeseen error
  2  wrong use of the command line
  3  a part is not running or not reachable
  4  something is not well (status, doctor, audit verify, sla)
  5  refused: the request itself is wrong
"""


class Exit(IntEnum):
    """What the exit codes mean; `deskwire --help` prints them."""

    DONE = 0
    ERROR = 1
    USAGE = 2
    UNREACHABLE = 3
    NOT_WELL = 4
    REFUSED = 5


class _Commands(click.Group):
    """Loads a command's file when that command is called: `deskwire --help` stays instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"deskwire.commands.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=_Commands, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="deskwire", message="deskwire %(version)s")
def cli() -> None:
    """Deskwire: a service desk made of events.

    Every command takes --json. Addresses come from the stack that `deskwire up` runs here, else from AMQP_URI and
    MONGODB_URI.
    """


def main() -> NoReturn:
    """Run the command line and exit. An error of the house is one sentence on standard error."""
    sys.excepthook = _unforeseen
    _prepare_streams()
    try:
        code = cli.main(standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        words = io.StringIO()
        error.show(words)
        print(harmless(words.getvalue()), end="", file=sys.stderr)
        sys.exit(error.exit_code)
    except DeskwireError as error:
        _tell(error)
        sys.exit(exit_code(error))
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(Exit.DONE)
    except UnicodeEncodeError:
        _tell(Invalid("An argument holds bytes that are no UTF-8 text."))
        sys.exit(Exit.REFUSED)
    except OSError as error:
        if error.filename is not None or error.errno not in _UNWRITABLE:
            raise
        _let_go_of_output()
        print(f"The answer cannot be written: {error.strerror}.", file=sys.stderr)
        sys.exit(Exit.ERROR)
    sys.exit(code if isinstance(code, int) else Exit.DONE)


def _prepare_streams() -> None:
    # Closed by the caller, who wants no answer; the command does its work all the same.
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    # A name that the locale cannot say must not end the command: it is spelled out, as on standard error.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _let_go_of_output() -> None:
    """What is still to be written goes nowhere: Python would try again when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def exit_code(error: DeskwireError) -> Exit:
    """The exit code of an error of the house; one that a service answered is known by its slug alone."""
    match error:
        case Unavailable():
            return Exit.UNREACHABLE
        case DeskwireError(slug="internal-error"):
            return Exit.ERROR
    return Exit.REFUSED


def _unforeseen(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A traceback, which may quote a stranger, as a terminal may have it."""
    print(harmless("".join(traceback.format_exception(kind, error, trace))), end="", file=sys.stderr)


def _tell(error: DeskwireError) -> None:
    document: dict[str, Any] = {"error": error.as_dict()}
    wants_json = "--json" in sys.argv
    print(json.dumps(document) if wants_json else harmless(error.message), file=sys.stderr)
