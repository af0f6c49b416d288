"""Events on disk while the broker is away."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deskwire_client import Event, Spool, SpoolFull, build


def make_event(key: str = "k", **overrides: str) -> Event:
    return build("alert.resolved", {"dedup_key": key}, **{"source": "/m", **overrides})  # type: ignore[arg-type]


def test_what_is_kept_comes_back_in_order_byte_for_byte(tmp_path: Path) -> None:
    events = [make_event(str(number)) for number in range(20)]
    spool = Spool(tmp_path / "new" / "spool")
    for event in events:
        spool.put(event)
    assert [event for _, event in Spool(tmp_path / "new" / "spool").oldest(100)] == events


def test_order_holds_when_the_clock_was_set_back(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.put(make_event("first"))
    (name, first), *_ = spool.oldest(1)
    (tmp_path / name).rename(tmp_path / f"{'9' * 19}0{name[20:]}")
    second = make_event("second")
    spool.put(second)
    assert [event for _, event in spool.oldest(9)] == [first, second]


def test_one_event_is_kept_once(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.put(make_event(event_id="e1"))
    spool.put(make_event(event_id="e1"))
    spool.put(make_event(event_id="e1", source="/another"))
    assert len(spool) == 2


def test_a_removed_event_is_gone(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.put(make_event())
    for name, _ in spool.oldest(1):
        spool.remove(name)
        spool.remove(name)
    assert len(spool) == 0


def test_a_full_spool_refuses_the_newest_and_keeps_the_rest(tmp_path: Path) -> None:
    spool = Spool(tmp_path, max_events=2)
    kept = [make_event("1"), make_event("2")]
    for event in kept:
        spool.put(event)
    with pytest.raises(SpoolFull, match="2 events"):
        spool.put(make_event("3"))
    assert [event for _, event in spool.oldest(9)] == kept


def test_a_spool_is_bounded_in_bytes(tmp_path: Path) -> None:
    with pytest.raises(SpoolFull, match="10 bytes"):
        Spool(tmp_path, max_bytes=10).put(make_event())


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolFull, match="cannot be written"):
        Spool(tmp_path / "file" / "spool").put(make_event())


def test_a_damaged_file_is_set_aside_and_the_rest_goes_on(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    (tmp_path / f"{0:020d}-{0:032x}.json").write_bytes(b'{"half')
    event = make_event()
    spool.put(event)
    assert [found for _, found in spool.oldest(9)] == [event]
    (aside,) = spool.aside()
    assert Path(aside.file).read_bytes() == b'{"half'
    assert "not a valid event" in aside.reason


def test_half_written_and_foreign_files_are_not_events(tmp_path: Path) -> None:
    (tmp_path / f".{0:020d}-{0:032x}.json.7.part").write_bytes(b"{}")
    (tmp_path / "notes.json").write_text("{}")
    assert len(Spool(tmp_path)) == 0


def test_only_one_holder_sends(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    with spool.locked(0) as first, Spool(tmp_path).locked(0) as second:
        assert (first, second) == (True, False)
    with spool.locked(0) as again:
        assert again


def test_what_lies_where_a_reason_belongs_is_neither_followed_nor_waited_for(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("theirs")
    names = [f"{number:020d}-{0:032x}" for number in range(3)]
    for name in names:
        (tmp_path / f"{name}.json").write_bytes(b"x")
    (tmp_path / f"{names[0]}.reason").symlink_to(tmp_path / "theirs")
    os.mkfifo(tmp_path / f"{names[1]}.reason")
    (tmp_path / f"{names[2]}.reason").write_bytes(b"\xff")
    spool = Spool(tmp_path)
    assert spool.oldest(9) == []
    assert [aside.reason for aside in spool.aside()] == ["theirs", "unknown", "\ufffd"]
    assert (tmp_path / "theirs").read_text() == "theirs"
