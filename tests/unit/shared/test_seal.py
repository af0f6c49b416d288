"""Sealed fields: readable with the person's key, by nobody without it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import NotFound
from shared.seal import KEYS, Seal
from shared.testing import MemoryStore, make_unit_of_work

SEAL = Seal()


def seal(store: MemoryStore, person: str, text: str) -> str:
    return make_unit_of_work(store).run(lambda work: SEAL.seal(work, person, text))


def unseal(store: MemoryStore, person: str, sealed: str) -> str:
    return make_unit_of_work(store).run(lambda work: SEAL.open(work, person, sealed))


def erase(store: MemoryStore, person: str) -> None:
    make_unit_of_work(store).run(lambda work: SEAL.erase(work, person))


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8"), min_size=1))
def test_what_was_sealed_for_a_person_opens_for_that_person(text: str, person: str) -> None:
    store = MemoryStore()
    assert unseal(store, person, seal(store, person, text)) == text


def test_a_sealed_field_shows_nothing_and_never_looks_the_same_twice() -> None:
    store = MemoryStore()
    one, other = seal(store, "ann", "Ann Other"), seal(store, "ann", "Ann Other")
    assert one.startswith("v1:")
    assert "Ann" not in one
    assert one != other


def test_a_person_has_one_key_also_within_one_block() -> None:
    store = MemoryStore()
    pair = make_unit_of_work(store).run(lambda work: [SEAL.seal(work, "ann", text) for text in "ab"])
    assert [unseal(store, "ann", sealed) for sealed in pair] == ["a", "b"]
    assert list(store.collections[KEYS]) == ["ann"]


def test_once_erased_nothing_of_the_person_can_be_read_and_others_can() -> None:
    store = MemoryStore()
    anns, bobs = seal(store, "ann", "a"), seal(store, "bob", "b")
    erase(store, "ann")
    with pytest.raises(NotFound) as caught:
        unseal(store, "ann", anns)
    assert caught.value.slug == "erased"
    assert unseal(store, "bob", bobs) == "b"


def test_a_new_key_does_not_open_what_the_erased_one_sealed() -> None:
    store = MemoryStore()
    old = seal(store, "ann", "old")
    erase(store, "ann")
    assert unseal(store, "ann", seal(store, "ann", "new")) == "new"
    with pytest.raises(NotFound):
        unseal(store, "ann", old)


def test_a_sealed_field_cannot_be_moved_to_another_person() -> None:
    store = MemoryStore()
    anns = seal(store, "ann", "a")
    seal(store, "bob", "b")
    with pytest.raises(NotFound):
        unseal(store, "bob", anns)
    keys = store.collections[KEYS]
    keys["bob"] = {**keys["ann"], "_id": "bob", "key": "bob"}
    with pytest.raises(NotFound):
        unseal(store, "bob", anns)


@pytest.mark.parametrize("sealed", ["", "v1:", "v1:AAAA", "v1:!!!!", "plain text", "v1:" + "A" * 40, "ä"])
def test_what_was_never_sealed_does_not_open(sealed: str) -> None:
    store = MemoryStore()
    seal(store, "ann", "a")
    with pytest.raises(NotFound):
        unseal(store, "ann", sealed)


def test_erasing_somebody_unknown_changes_nothing() -> None:
    store = MemoryStore()
    erase(store, "nobody")
    assert store.collections == {}
