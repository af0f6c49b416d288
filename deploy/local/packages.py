"""Programs from the operating system: found where they are, or installed where we may.

Standard library only, and for Python 3.7 as well: the bootstrap uses it before there is a virtual environment.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from shared.errors import Unavailable

POLICY = Path("/usr/sbin/policy-rc.d")


class ProgramMissing(Unavailable):
    """A program is not there and cannot be installed from here; the message says who can, and how."""

    slug = "program-missing"


def may_install() -> bool:
    """Whether this user may install Debian packages: root, where there is apt-get."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(packages: Sequence[str]) -> None:
    """Install Debian packages without starting their services. Raises ProgramMissing, with apt-get's last words."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    with _no_services_started():
        subprocess.run(["apt-get", "update", "-q"], env=environment, capture_output=True, check=False)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:] or ["no reason given"]
        raise ProgramMissing(f"apt-get could not install {' '.join(packages)}: {last[0]}")


@contextmanager
def _no_services_started() -> Iterator[None]:
    """Debian starts a service on installing it, unless `policy-rc.d` answers 101. An existing policy stays."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        if POLICY.exists():
            POLICY.unlink()
