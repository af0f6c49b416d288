"""Make `.venv` from the lock file: `python3 -m deploy.local.bootstrap [--tests]`.

Standard library only, and it runs before anything is installed, on whatever Python `python3` is: this file and what
it imports must load with Python 3.7, so that one that is too old looks for a newer one, or says so in a sentence.
When nothing changed it returns at once. Which
package index is used is pip's own configuration's affair. `--tests` also sees to the programs that tests need.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.local.packages import ProgramMissing, install, may_install
from deploy.local.root import ROOT
from shared.errors import DeskwireError

OLDEST = (3, 11)
KNOWN_TO_WORK = ("python3.13", "python3.12", "python3.11")
TEST_PROGRAMS = {"rabbitmq-server": "rabbitmq-server", "amqp-publish": "amqp-tools"}


def main(arguments: Sequence[str]) -> int:
    """Exit code 0 when `.venv` is as the lock file says; 1 after one sentence on what to do."""
    try:
        prepare(ROOT)
        if "--tests" in arguments:
            prepare_tests()
    except DeskwireError as error:
        print(error.message, file=sys.stderr)
        return 1
    return 0


def prepare(root: Path) -> None:
    """Make or renew `.venv`. Raises ProgramMissing where Python is too old or cannot make environments."""
    stamp = root / ".venv" / "lock.sha256"
    wanted = fingerprint(root)
    if (root / ".venv/bin/deskwire").exists() and stamp.exists() and stamp.read_text() == wanted:
        return
    python = find_python()
    if stamp.exists():
        stamp.unlink()
    _make_environment(root, python)
    print("Installing the locked packages into .venv (once, about a minute) ...", flush=True)
    pip = [str(root / ".venv/bin/python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    _pip([*pip, "install", "--require-hashes", "-r", "requirements.lock"], root)
    _pip([*pip, "install", "--no-deps", "--no-build-isolation", "-e", "."], root)
    stamp.write_text(wanted)


def fingerprint(root: Path) -> str:
    """Changes when `.venv` must be renewed: with the lock file, the project's own metadata, or the folder's place."""
    parts = [(root / name).read_bytes() for name in ("requirements.lock", "pyproject.toml")]
    return hashlib.sha256(b"\0".join([*parts, str(root).encode()])).hexdigest()


def find_python() -> str:
    """A Python to build on: this one, or another one in PATH when this one is too old. Raises ProgramMissing."""
    if sys.version_info[:2] >= OLDEST:
        return sys.executable
    for name in KNOWN_TO_WORK:
        found = shutil.which(name)
        if found is not None:
            return found
    raise ProgramMissing(
        "Deskwire needs Python 3.11 or newer; python3 here is "
        f"{sys.version_info[0]}.{sys.version_info[1]}. Install python3.11 and run make again."
    )


def prepare_tests() -> None:
    """Install the programs that the tests need, where we may; elsewhere their tests skip and say why."""
    missing = [package for program, package in TEST_PROGRAMS.items() if find_program(program) is None]
    if missing and may_install():
        print(f"Installing {' '.join(missing)} for the tests ...", flush=True)
        install(missing)


def find_program(name: str) -> str | None:
    """Where a program is; also in the folders that only root has in PATH."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/sbin")


def _make_environment(root: Path, python: str) -> None:
    version = _run([python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], root).stdout.strip()
    if _run([python, "-c", "import ensurepip"], root).returncode != 0:
        _install_ensurepip(version)
    # A virtual environment holds absolute paths and a Python version: after a move or an upgrade it starts anew.
    made = _run([python, "-m", "venv", "--clear", ".venv"], root)
    if made.returncode != 0:
        reason = (made.stderr or made.stdout).strip().splitlines()[-1:]
        raise ProgramMissing(f"Python {version} could not make .venv: {' '.join(reason)}")


def _install_ensurepip(version: str) -> None:
    if not may_install():
        raise ProgramMissing(
            f"Python {version} lacks ensurepip, so it cannot make .venv: "
            f"run `sudo apt-get install python{version}-venv` (or your system's package of that kind) and make again."
        )
    print(f"Installing python{version}-venv ...", flush=True)
    try:
        install([f"python{version}-venv"])
    except ProgramMissing:
        install(["python3-venv"])


def _run(command: Sequence[str], root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def _pip(command: Sequence[str], root: Path) -> None:
    if subprocess.run(command, cwd=root, check=False).returncode != 0:
        raise ProgramMissing(
            "pip could not install the locked packages (its words are above); "
            "see that this machine reaches a package index, or set PIP_INDEX_URL to one that it does."
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
