"""Children and their end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.folders import ROOT
from deploy.local.process import Child, wait_for

SLEEPER = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(60)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(60)",
]
PARENT = """
import sys, time
from pathlib import Path
from deploy.local.process import Child
child = Child("child", ["sleep", "60"], env={"PATH": "/usr/bin:/bin"}, cwd=Path("/"), log=Path(sys.argv[1]))
child.start()
print(child.pid, flush=True)
time.sleep(60)
"""


def make_child(tmp_path: Path, argv: list[str]) -> Child:
    child = Child("child", argv, env=dict(os.environ), cwd=tmp_path, log=tmp_path / "log" / "child.log")
    child.start()
    return child


def is_there(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_child_that_listens_ends_by_itself(tmp_path: Path) -> None:
    child = make_child(tmp_path, SLEEPER)
    assert child.alive
    assert child.stop(10)
    assert not child.alive
    assert child.exit_code == -signal.SIGTERM


def test_a_child_that_does_not_listen_is_killed_at_its_deadline(tmp_path: Path) -> None:
    child = make_child(tmp_path, DEAF)
    assert wait_for(lambda: child.last_lines() == ["here"], 10)
    assert not child.stop(0.1)
    assert child.exit_code == -signal.SIGKILL


def test_stopping_twice_does_nothing(tmp_path: Path) -> None:
    child = make_child(tmp_path, SLEEPER)
    child.stop(10)
    assert child.stop(10)


def test_the_group_of_a_child_dies_with_it(tmp_path: Path) -> None:
    child = make_child(tmp_path, ["sh", "-c", "sleep 60 & echo $!; wait"])
    assert wait_for(lambda: bool(child.last_lines()), 10)
    grandchild = int(child.last_lines()[0])
    child.stop(10)
    assert wait_for(lambda: not is_there(grandchild), 10)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child to its parent's life")
def test_a_killed_parent_leaves_no_child_behind(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", PARENT, str(tmp_path / "child.log")]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_there(pid)
        parent.kill()
    assert wait_for(lambda: not is_there(pid), 10)
