"""Passwords are made once and kept from others."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from deploy.local.passwords import passwords
from shared.errors import Unavailable


def test_passwords_stay_the_same_at_the_next_start(tmp_path: Path) -> None:
    file = tmp_path / "var" / "secrets.json"
    assert passwords(file, ["incident", "sla"]) == passwords(file, ["incident", "sla"])


def test_a_new_user_gets_a_password_and_the_others_keep_theirs(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    before = passwords(file, ["incident"])
    after = passwords(file, ["incident", "asset"])
    assert after["incident"] == before["incident"]
    assert len(after["asset"]) >= 32


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    passwords(file, ["incident"])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_damaged_file_is_told_and_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    file.write_text("{")
    with pytest.raises(Unavailable, match=r"secrets\.json is damaged"):
        passwords(file, ["incident"])
    assert file.read_text() == "{"
