"""What an edition said comes back as it was, so that what ended by it can be computed by it again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings

from services.sla.domain.policy import Agreements
from services.sla.settings import load, parse_agreements
from services.sla.storage import AGREED, EDITIONS
from shared.config import SETTINGS_FOLDER
from shared.packed import pack, unpack
from tests.unit.sla.dose import DOSE
from tests.unit.sla.factories import SlaInMemory, beside, make_agreements, make_policy, make_rule
from tests.unit.sla.worlds import World, worlds

GOLDEN = Path(__file__).parent / "golden"


@settings(max_examples=DOSE // 5, deadline=None)
@given(world=worlds())
def test_agreements_come_back_equal_and_with_their_fingerprints(world: World) -> None:
    again = unpack(Agreements, pack(world.agreements))
    assert (again, again.edition) == (world.agreements, world.agreements.edition)


def test_the_shipped_agreements_and_further_ones_come_back() -> None:
    shipped = load(SETTINGS_FOLDER / "sla.yaml")
    for agreements in (shipped, beside(make_agreements(), "premium", make_rule(make_policy(), priority="P1", level=2))):
        again = unpack(Agreements, pack(agreements))
        assert (again, again.edition, again.further) == (agreements, agreements.edition, agreements.further)


def test_what_was_packed_in_the_first_release_is_read_by_every_later_one() -> None:
    """The file is never written anew: a class that it does not fit any more would lose what desks have kept."""
    text = (GOLDEN / "edition.yaml").read_text(encoding="utf-8")
    said = parse_agreements(text, name="edition", folder=GOLDEN)
    again = unpack(Agreements, (GOLDEN / "edition.packed").read_bytes())
    assert replace(again, zones=said.zones, further=()) == replace(said, further=())
    assert [one.versions for one in again.further] == [one.versions for one in said.further]


def test_what_each_edition_said_is_kept_once() -> None:
    one, other = make_agreements(), make_agreements({"P3": make_policy(response=None)})
    sla = SlaInMemory(one)
    for agreements in (one, other, one, one):
        sla.restart(agreements)
    assert sla.rows(AGREED).keys() == sla.rows(EDITIONS).keys() == {one.edition, other.edition}
    assert unpack(Agreements, sla.rows(AGREED)[other.edition]["said"]) == other


def test_an_edition_of_before_these_were_kept_is_kept_when_its_service_starts_again() -> None:
    sla = SlaInMemory()
    sla.restart(sla.agreements)
    sla.rows(AGREED).clear()
    sla.restart(sla.agreements)
    assert sla.rows(AGREED).keys() == {sla.agreements.edition}
