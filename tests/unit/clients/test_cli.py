"""The command: its answers and its exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import deskwire_client
from deskwire_client import Spool
from deskwire_client.cli import main

AWAY = "amqp://guest:guest@127.0.0.1:1/"
REPORT = ["report", "--dedup-key", "k", "--title", "Disk full", "--uri", AWAY, "--deadline", "0.2"]

TICKET = ["ticket", "--external-ref", "WEB-1", "--title", "No sound", "--uri", AWAY, "--deadline", "0.2"]


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AMQP_URI", "AMQP_URI_FILE", "DESKWIRE_SPOOL", "DESKWIRE_SOURCE"):
        monkeypatch.delenv(name, raising=False)


def test_a_kept_event_is_exit_code_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main([*REPORT, "--spool", str(tmp_path), "--json", "--label", "mount=/var", "--time", "2026-03-02T09:00:00Z"])
        == 3
    )
    answer = json.loads(capsys.readouterr().out)
    ((_, event),) = Spool(tmp_path).oldest(9)
    document = json.loads(event.body)
    assert (answer["status"], answer["id"]) == ("spooled", event.id)
    assert document["time"] == "2026-03-02T09:00:00.000Z"
    assert document["data"] == {
        "dedup_key": "k",
        "title": "Disk full",
        "severity": "error",
        "labels": {"mount": "/var"},
    }


def test_an_event_that_is_nowhere_is_exit_code_4(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(REPORT) == 4
    assert "not delivered" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("extra", "field"),
    [
        (["--impact", "loud"], "impact"),
        (["--time", "yesterday"], "time"),
        (["--ci", ""], "ci"),
        (["--uri", "broker"], "uri"),
        (["--source", "a\nb"], "source"),
    ],
)
def test_wrong_input_is_exit_code_2_and_names_the_field(
    extra: list[str], field: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*TICKET, "--json", *extra]) == 2
    assert json.loads(capsys.readouterr().err)["field"] == field


@pytest.mark.parametrize(
    "command",
    [
        ["resolve", "--dedup-key", "k"],
        ["ticket", "--external-ref", "WEB-1", "--title", "No sound", "--impact", "low"],
        ["deployed", "--service", "billing", "--version", "2"],
    ],
)
def test_every_command_makes_an_event(command: list[str], tmp_path: Path) -> None:
    assert main([*command, "--uri", AWAY, "--deadline", "0.1", "--spool", str(tmp_path)]) == 3
    assert len(Spool(tmp_path)) == 1


def run(folder: Path, *words: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "deskwire_client", *REPORT, "--spool", str(folder), *words]
    environment = {**os.environ, "PYTHONPATH": str(Path(deskwire_client.__file__).parent.parent)}
    streams = {"stderr": subprocess.PIPE, **options}
    return subprocess.run(command, env=environment, timeout=60, check=False, **streams)


@pytest.mark.parametrize("words", [(), ("--json",)])
@pytest.mark.parametrize("closed", [1, 2])
def test_an_output_that_is_closed_costs_nothing(closed: int, words: tuple[str, ...], tmp_path: Path) -> None:
    options = {"stderr": None} if closed == 2 else {}
    done = run(tmp_path, *words, "--time", "yesterday", preexec_fn=lambda: os.close(closed), **options)
    assert (done.returncode, len(Spool(tmp_path))) == (3, 1)
    assert b"Traceback" not in (done.stderr or b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no device that is always full")
def test_an_output_that_is_full_costs_nothing(tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = run(tmp_path, "--time", "yesterday", stdout=full, stderr=full)
    assert (done.returncode, len(Spool(tmp_path))) == (3, 1)


@pytest.mark.parametrize("text", ["nan", "inf", "1e400", "-1"])
def test_a_deadline_that_never_comes_is_exit_code_2(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*REPORT, "--spool", str(tmp_path), "--json", f"--deadline={text}"]) == 2
    assert json.loads(capsys.readouterr().err)["field"] == "deadline"


def test_a_blank_argument_is_not_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*REPORT, "--spool", ""]) == 4
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("DESKWIRE_SPOOL", str(tmp_path / "spool"))
    monkeypatch.setenv("AMQP_URI", AWAY)
    monkeypatch.setenv("AMQP_URI_FILE", " ")
    assert main([*REPORT, "--spool", " ", "--uri", "", "--source", ""]) == 3
    assert len(Spool(tmp_path / "spool")) == 1


@pytest.mark.parametrize("uri", ["amqp://\udcff:a@127.0.0.1:1/", "amqp://a@\udcff/", "amqp://a@127.0.0.1:1/\udcff"])
def test_an_address_of_odd_bytes_ends_in_an_exit_code(uri: str, tmp_path: Path) -> None:
    assert main([*REPORT, "--spool", str(tmp_path), "--uri", uri]) in (2, 3)


def test_flush_needs_a_spool(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["flush", "--uri", AWAY]) == 2
    assert "DESKWIRE_SPOOL" in capsys.readouterr().err


def test_flush_of_an_empty_spool_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["flush", "--uri", AWAY, "--spool", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "0 sent\n"


def test_the_address_is_read_from_the_file_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "uri").write_text(AWAY + "\n")
    monkeypatch.setenv("AMQP_URI_FILE", str(tmp_path / "uri"))
    assert main(["deployed", "--service", "a", "--version", "1", "--deadline", "0.1"]) == 4


def test_what_was_set_aside_is_named_until_it_is_moved_away(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / f"{0:020d}-{0:032x}.json").write_bytes(b'{"half')
    flush = ["flush", "--uri", AWAY, "--spool", str(tmp_path)]
    assert main(flush) == 5
    said = capsys.readouterr()
    assert (said.out, ".broken: not a valid event" in said.err) == ("0 sent\n", True)
    assert main([*flush, "--json"]) == 5
    (aside,) = json.loads(capsys.readouterr().out)["set_aside"]
    Path(aside["file"]).unlink()
    assert main(flush) == 0
