"""A node that died while its first queues were young."""

from __future__ import annotations

from pathlib import Path

from deploy.local import settling


def make_node(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "queues").touch()
    return tmp_path


def test_a_node_that_died_before_it_settled_starts_anew(tmp_path: Path) -> None:
    folder = make_node(tmp_path)
    settling.forget_unsettled(folder)
    assert not (folder / "data").exists()


def test_a_settled_node_keeps_its_data(tmp_path: Path) -> None:
    folder = make_node(tmp_path)
    settling.mark(folder)
    settling.forget_unsettled(folder)
    assert (folder / "data" / "queues").exists()
