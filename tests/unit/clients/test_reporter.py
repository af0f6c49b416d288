"""The reporter with no broker at the other end."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deskwire_client import InvalidField, NotDelivered, Reporter, Spool, SpoolFull, build, spool
from deskwire_client.event import MAX_BYTES
from deskwire_client.link import Fault, Link, Sent

ALERT = {"dedup_key": "k", "title": "t", "severity": "error"}
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def refused() -> Iterator[str]:
    """An address that refuses connections: the port is bound and nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"amqp://guest:guest@127.0.0.1:{held.getsockname()[1]}/"


@pytest.fixture
def silent() -> Iterator[str]:
    """An address that takes connections and never answers."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        yield f"amqp://guest:guest@127.0.0.1:{held.getsockname()[1]}/"


def make_reporter(uri: str, **overrides: Any) -> Reporter:
    return Reporter(uri, **{"source": "/m", "deadline": 0.3, "backoff": (0.05,), **overrides})


class Broker(Link):
    """A link that confirms while it is up and gives a passing fault while it is down."""

    def __init__(self, *, up: bool = True) -> None:
        super().__init__("amqp://localhost")
        self.up = up
        self.taken: list[str] = []

    def send(self, events: Any, seconds: float) -> Sent:
        if not self.up:
            return Sent(confirmed=frozenset(), fault=Fault("away", passing=True))
        self.taken += [event.id for event in events]
        return Sent(confirmed=frozenset(events))


def make_desk(broker: Broker, spool: Any = None, **overrides: Any) -> Reporter:
    desk = make_reporter("amqp://localhost", spool=spool, deadline=0.05, **overrides)
    desk._link = broker
    return desk


def test_without_a_spool_an_event_that_cannot_go_is_an_error_with_its_id(refused: str) -> None:
    with make_reporter(refused) as desk, pytest.raises(NotDelivered, match="refused") as caught:
        desk.alert(dedup_key="k", title="t", event_id="e1")
    assert caught.value.event_id == "e1"


def test_with_a_spool_it_is_kept_and_the_reason_told(refused: str, tmp_path: Path) -> None:
    with make_reporter(refused, spool=tmp_path) as desk:
        receipt = desk.alert(dedup_key="k", title="t")
    assert receipt.status == "spooled"
    assert "refused" in (receipt.reason or "")
    assert [event.id for _, event in Spool(tmp_path).oldest(9)] == [receipt.id]


def test_a_broker_that_never_answers_costs_no_more_than_the_deadline(silent: str, tmp_path: Path) -> None:
    began = time.monotonic()
    with make_reporter(silent, spool=tmp_path, deadline=0.5) as desk:
        receipt = desk.alert(dedup_key="k", title="t")
    assert receipt.status == "spooled"
    assert time.monotonic() - began < 2.5


def test_bad_input_is_refused_before_it_is_kept(refused: str, tmp_path: Path) -> None:
    with make_reporter(refused, spool=tmp_path) as desk, pytest.raises(InvalidField, match="impact"):
        desk.ticket(external_ref="WEB-1", title="t", impact="loud")
    assert len(Spool(tmp_path)) == 0


def test_a_bad_address_is_refused_at_once() -> None:
    with pytest.raises(InvalidField, match="uri"):
        Reporter("http://broker", source="/m")


@pytest.mark.parametrize("deadline", [float("nan"), float("inf"), -1, 1e300, "10", None])
def test_a_deadline_that_never_comes_is_refused(deadline: Any) -> None:
    with pytest.raises(InvalidField, match="deadline"):
        make_reporter("amqp://localhost", deadline=deadline)


def test_a_blank_spool_is_none(refused: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with make_reporter(refused, spool="") as desk, pytest.raises(NotDelivered):
        desk.alert(**ALERT)
    assert list(tmp_path.iterdir()) == []


def test_what_was_kept_goes_first_in_order_with_the_same_ids(tmp_path: Path) -> None:
    broker = Broker(up=False)
    desk = make_desk(broker, tmp_path)
    kept = [desk.alert(dedup_key=str(number), title="t").id for number in range(3)]
    broker.up = True
    receipt = desk.resolve(dedup_key="0")
    assert receipt.status == "confirmed"
    assert broker.taken == [*kept, receipt.id]
    assert len(Spool(tmp_path)) == 0


def test_flush_sends_what_is_kept_and_says_how_many(tmp_path: Path) -> None:
    broker = Broker(up=False)
    desk = make_desk(broker, tmp_path)
    for number in range(3):
        desk.alert(dedup_key=str(number), title="t")
    away = desk.flush()
    assert (away.sent, away.left, away.reason) == (0, 3, "away")
    broker.up = True
    flushed = desk.flush()
    assert (flushed.sent, flushed.left) == (3, 0)
    assert desk.flush().sent == 0


def test_new_events_queue_up_behind_a_spool_that_another_process_sends(tmp_path: Path) -> None:
    broker = Broker(up=False)
    desk = make_desk(broker, tmp_path)
    first = desk.alert(dedup_key="k", title="t")
    broker.up = True
    with Spool(tmp_path).locked(0):
        second = desk.resolve(dedup_key="k")
    assert second.status == "spooled"
    assert broker.taken == []
    desk.flush()
    assert broker.taken == [first.id, second.id]


def test_a_full_spool_is_an_error(tmp_path: Path) -> None:
    desk = make_desk(Broker(up=False), Spool(tmp_path, max_events=1))
    desk.alert(dedup_key="1", title="t")
    with pytest.raises(SpoolFull):
        desk.alert(dedup_key="2", title="t")


def test_a_fault_that_will_not_pass_is_not_tried_again(tmp_path: Path) -> None:
    class Refusing(Broker):
        def send(self, events: Any, seconds: float) -> Sent:
            self.taken += [event.id for event in events]
            return Sent(confirmed=frozenset(), fault=Fault("ACCESS_REFUSED", passing=False))

    broker = Refusing()
    receipt = make_desk(broker, tmp_path).alert(dedup_key="k", title="t")
    assert (receipt.status, receipt.reason) == ("spooled", "ACCESS_REFUSED")
    assert broker.taken == [receipt.id]


def test_an_event_that_can_never_be_sent_is_set_aside_and_the_others_go(tmp_path: Path) -> None:
    class Picky(Broker):
        def send(self, events: Any, seconds: float) -> Sent:
            if not self.up:
                return super().send(events, seconds)
            unfit = {event: "too long" for event in events if event.id == "bad"}
            fit = [event for event in events if event not in unfit]
            return Sent(super().send(fit, seconds).confirmed, unfit=unfit)

    broker = Picky(up=False)
    desk = make_desk(broker, tmp_path)
    for event_id in ("e1", "bad", "e2"):
        desk.alert(dedup_key=event_id, title="t", event_id=event_id)
    broker.up = True
    flushed = desk.flush()
    assert (flushed.sent, flushed.left, flushed.aside) == (2, 0, 1)
    assert desk.alert(dedup_key="k", title="t", event_id="e3").status == "confirmed"
    assert broker.taken == ["e1", "e2", "e3"]
    (aside,) = desk.aside()
    assert aside.reason == "too long"
    assert json.loads(Path(aside.file).read_bytes())["id"] == "bad"


def test_a_new_event_that_can_never_be_sent_is_refused_and_not_kept(tmp_path: Path) -> None:
    class Picky(Broker):
        def send(self, events: Any, seconds: float) -> Sent:
            return Sent(frozenset(), unfit=dict.fromkeys(events, "too long"))

    with pytest.raises(InvalidField, match="too long"):
        make_desk(Picky(), tmp_path).alert(dedup_key="k", title="t")
    assert len(Spool(tmp_path)) == 0


def test_a_bad_address_is_refused_without_its_password() -> None:
    with pytest.raises(InvalidField) as caught:
        Reporter("amqp://user:s3/cret@broker/", source="/m")
    assert "s3" not in str(caught.value)


def fill(folder: Path, *ids: str) -> None:
    for number, name in enumerate(ids):
        Spool(folder).put(build("alert.firing", ALERT, source="/m", event_id=name, at=AT + timedelta(seconds=number)))


def cannot(*_: object, **__: object) -> None:
    raise OSError(errno.EROFS, "Read-only file system")


@pytest.fixture
def read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A spool with two events whose file system lets nothing be changed."""
    fill(tmp_path, "a", "b")
    monkeypatch.setattr(Spool, "locked", contextlib.contextmanager(lambda *_, **__: iter(cannot() or ())))
    for name in ("remove", "set_aside", "_write"):
        monkeypatch.setattr(Spool, name, cannot)
    return tmp_path


def test_what_lies_in_a_spool_that_cannot_be_written_is_sent_once_and_so_is_what_comes(read_only: Path) -> None:
    broker, warnings = Broker(), list[str]()
    desk = make_desk(broker, read_only, warn=warnings.append)
    receipts = [desk.alert(event_id=name, **ALERT) for name in ("c", "d")]
    assert [receipt.status for receipt in receipts] == ["confirmed", "confirmed"]
    assert broker.taken == ["a", "b", "c", "d"]
    assert warnings == [f"the spool {read_only} cannot be used: Read-only file system"]
    assert receipts[1].warning == warnings[0]


def test_with_a_spool_that_cannot_be_written_and_no_broker_the_loss_is_said(read_only: Path) -> None:
    desk = make_desk(Broker(up=False), read_only, warn=lambda _: None)
    with pytest.raises(SpoolFull, match="cannot be written"):
        desk.alert(**ALERT)


def test_a_flush_of_a_spool_that_cannot_be_written_says_what_is_left(read_only: Path) -> None:
    flushed = make_desk(Broker(), read_only, warn=lambda _: None).flush()
    assert (flushed.sent, flushed.left) == (2, 2)
    assert "cannot be used" in (flushed.reason or "")


@pytest.mark.parametrize("kind", ["a file", "under a file", "a link to itself"])
def test_a_spool_that_is_no_folder_stops_no_event(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "spool"
    path.symlink_to(path) if kind == "a link to itself" else path.write_text("x")
    broker, warnings = Broker(), list[str]()
    desk = make_desk(broker, path / "deeper" if kind == "under a file" else path, warn=warnings.append)
    assert [desk.alert(**ALERT).status for _ in range(2)] == ["confirmed", "confirmed"]
    assert len(broker.taken) == 2
    assert len(warnings) == 1
    assert desk.aside() == []


def test_where_nothing_more_can_be_kept_the_broker_is_the_last_resort(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, "a")
    monkeypatch.setattr(Spool, "_write", cannot)
    broker = Broker()
    desk = make_desk(broker, tmp_path, warn=lambda _: None)
    with Spool(tmp_path).locked(0):
        assert desk.alert(event_id="b", **ALERT).status == "confirmed"
    assert broker.taken == ["b"]


ENTRY = f"{'0' * 20}-{'0' * 32}.json"


def test_an_entry_that_is_no_event_stops_no_other(tmp_path: Path) -> None:
    fill(tmp_path, "a", "b")
    (tmp_path / ENTRY).write_text("[" * 100_000)
    (tmp_path / f"1{ENTRY[1:]}").write_text("x" * (MAX_BYTES + 1))
    broker = Broker()
    desk = make_desk(broker, tmp_path)
    assert desk.alert(event_id="c", **ALERT).status == "confirmed"
    assert broker.taken == ["a", "b", "c"]
    assert len(desk.aside()) == 2


def put_folder(path: Path) -> None:
    path.mkdir()


def put_dangling_link(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere")


def put_link_to_itself(path: Path) -> None:
    path.symlink_to(path)


def put_pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("put", [put_folder, put_dangling_link, put_link_to_itself, put_pipe])
def test_an_entry_that_cannot_be_read_is_passed_over_and_told_of(put: Callable[[Path], None], tmp_path: Path) -> None:
    fill(tmp_path, "a")
    put(tmp_path / ENTRY)
    broker, warnings = Broker(), list[str]()
    desk = make_desk(broker, tmp_path, warn=warnings.append)
    receipts = [desk.alert(event_id=name, **ALERT) for name in "bc"]
    assert [receipt.status for receipt in receipts] == ["confirmed", "confirmed"]
    assert broker.taken == ["a", "b", "c"]
    assert len(warnings) == 1
    assert ENTRY in warnings[0]
    flushed = desk.flush()
    assert (flushed.sent, flushed.left, desk.aside()) == (0, 0, [])
    assert os.path.lexists(tmp_path / ENTRY)


@pytest.fixture
def of_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A spool with events of this user, and one that only another user can read."""
    fill(tmp_path, "theirs", "a")
    theirs, _ = sorted(tmp_path.glob("*.json"))
    content = spool._content

    def read(path: Path) -> bytes:
        if path == theirs:
            raise PermissionError(errno.EACCES, "Permission denied")
        return content(path)

    monkeypatch.setattr(spool, "_content", read)
    return tmp_path


def test_an_event_of_another_user_stays_whole_and_stops_no_other(of_root: Path) -> None:
    broker = Broker()
    desk = make_desk(broker, of_root, warn=lambda _: None)
    assert desk.alert(event_id="b", **ALERT).status == "confirmed"
    assert broker.taken == ["a", "b"]
    assert (desk.flush().left, len(Spool(of_root)), desk.aside()) == (0, 1, [])


def test_what_waits_goes_first_beside_an_event_of_another_user(of_root: Path) -> None:
    broker = Broker(up=False)
    desk = make_desk(broker, of_root, warn=lambda _: None)
    assert [desk.alert(event_id=name, **ALERT).status for name in "bc"] == ["spooled", "spooled"]
    broker.up = True
    with Spool(of_root).locked(0):
        assert desk.alert(event_id="d", **ALERT).status == "spooled"
    assert desk.flush().sent == 4
    assert broker.taken == ["a", "b", "c", "d"]


def test_an_event_of_another_user_goes_when_it_can_be_read(of_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Broker()
    desk = make_desk(broker, of_root, warn=lambda _: None)
    desk.flush()
    monkeypatch.undo()
    desk.flush()
    assert broker.taken == ["a", "theirs"]


def test_a_pipe_in_the_place_of_the_lock_holds_nobody_up(tmp_path: Path) -> None:
    fill(tmp_path, "a")
    os.mkfifo(tmp_path / ".lock")
    broker = Broker()
    assert make_desk(broker, tmp_path, warn=lambda _: None).alert(event_id="b", **ALERT).status == "confirmed"
    assert broker.taken == ["a", "b"]
