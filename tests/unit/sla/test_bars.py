"""Numbers as bars: what a bar says is what the number is, on a terminal and on a page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.sla.bars import AXIS, LABEL, PLOT, Bar, Look, Row, Unit, characters, draw, scale
from deskwire.sla.times import span_words

lengths = st.floats(0, 10**9, allow_nan=False)


def make_row(*numbers: float, label: str = "payroll", look: Look = Look.FIRST) -> Row:
    """A group with a bar for each number."""
    return Row(label=label, bars=tuple(Bar(stretches=((look, number),), words=str(number)) for number in numbers))


@given(part=st.floats(0, 1), width=st.integers(2, 60))
def test_a_bar_is_empty_of_nothing_only_and_full_of_the_whole_only(part: float, width: int) -> None:
    drawn = len(characters(part, width, "#"))
    assert (drawn == 0) is (part == 0)
    assert (drawn == width) is (part == 1)
    assert abs(drawn - part * width) <= 1


@given(longest=lengths, unit=st.sampled_from([Unit.NUMBER, Unit.SECONDS]))
def test_a_scale_holds_the_longest_bar_and_has_few_lines(longest: float, unit: Unit) -> None:
    end, step = scale(longest, unit)
    assert longest <= end
    assert end > 0
    assert round(end / step) <= 5
    assert end % step == 0


@pytest.mark.parametrize(
    ("longest", "unit", "expected"),
    [
        (0, Unit.NUMBER, (1, 1)),
        (55, Unit.NUMBER, (60, 20)),
        (8_080, Unit.SECONDS, (9_000, 1_800)),
        (236_286, Unit.SECONDS, (259_200, 86_400)),
        (0.4, Unit.PART, (1, 0.25)),
    ],
)
def test_lines_stand_at_round_numbers_of_the_unit(longest: float, unit: Unit, expected: tuple[float, float]) -> None:
    assert scale(longest, unit) == expected


@given(numbers=st.lists(st.floats(0.001, 10**6), min_size=1, max_size=8))
def test_bars_are_as_long_as_their_numbers_and_stay_within_the_plane(numbers: list[float]) -> None:
    drawn = draw([make_row(number) for number in numbers], Unit.NUMBER)
    marks = [one for one in drawn.marks if one.look is not None]
    end, _ = scale(max(numbers), Unit.NUMBER)
    assert [one.width for one in marks] == [pytest.approx(number * PLOT / end) for number in numbers]
    assert all(one.x == LABEL and one.width <= PLOT + 0.001 for one in marks)
    assert drawn.lines[-1] == (pytest.approx(LABEL + PLOT), pytest.approx(end))


def test_stretches_follow_one_another_and_nothing_has_no_mark() -> None:
    bar = Bar(stretches=((Look.MET, 0.75), (Look.BREACHED, 0.25)), words="75.0 %")
    whole = Bar(stretches=((Look.MET, 1.0), (Look.BREACHED, 0.0)), words="100.0 %")
    drawn = draw([Row(label="desk", bars=(bar,)), Row(label="payroll", bars=(whole,))], Unit.PART)
    found = [(one.look, one.x, one.width) for one in drawn.marks if one.look is not None]
    assert found == [
        (Look.MET, LABEL, PLOT * 0.75),
        (Look.BREACHED, LABEL + PLOT * 0.75, PLOT * 0.25),
        (Look.MET, LABEL, PLOT),
    ]


def test_rows_lie_one_below_the_other_and_within_the_height() -> None:
    drawn = draw([make_row(1, 2), make_row(3, 4, label="desk")], Unit.NUMBER)
    tops = [one.y for one in drawn.marks if one.look is not None]
    assert tops == sorted(set(tops))
    assert tops[0] == AXIS
    assert tops[-1] < drawn.height
    assert [one.words for one in drawn.labels] == ["payroll", "desk"]
    assert [one.words for one in drawn.values] == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0s"), (45, "45s"), (60, "1m"), (245, "4m 05s"), (7_200, "2h"), (236_286, "65h 38m")],
)
def test_a_short_length_has_two_units_at_most(seconds: float, words: str) -> None:
    assert span_words(seconds) == words
