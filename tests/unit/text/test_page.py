"""A page says what was meant: no text becomes an element, an attribute, or the direction of another text."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given, settings
from hypothesis import strategies as st

from deskwire.session import OPERATOR_ACTOR
from deskwire.sla import outages
from deskwire.sla.bars import Bar, Look, Row, Unit
from deskwire.sla.drawing import LONGEST, chart
from deskwire.sla.markup import document, table
from deskwire.sla.page import check_page, make_page
from deskwire.sla.report_page import Period, make_report
from deskwire.sla.times import Zone
from services.sla.domain.downtime import Outage
from shared.testing import make_instant
from shared.text.clusters import cut
from shared.text.lines import one_line
from shared.text.page import inline, isolated
from tests.unit.sla.calls import CallsInMemory
from tests.unit.sla.factories import SlaInMemory
from tests.unit.sla.lives import life
from tests.unit.text.scripts import texts
from tests.unit.text.strict_page import Page

ZONE = Zone("UTC")
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PLAIN = "a team"
MARKUP = "\"></text></svg><script>alert(1)</script><b onload='x'>&amp;&#0;\x00]]><!--"
stored = texts.map(lambda text: text.encode(errors="replace").decode())
"""Text without lone surrogates, which no record can hold."""


@cache
def answered() -> dict[str, Any]:
    sla = SlaInMemory()
    sla.take(*life())
    question = {"number": "INC0000001", "args": {}, "actor": OPERATOR_ACTOR}
    answer: dict[str, Any] = CallsInMemory(sla).call("sla", "explain", question)
    return answer


def explained(text: str) -> str:
    """The page of an explanation in which every text from outside is this one."""
    answer = deepcopy(answered())
    answer["incident"] |= dict.fromkeys(("team", "service", "organisation"), text)
    for clock in answer["clocks"]:
        clock |= {"why": f"because of {text}", "pauses": [text], "agreement": text}
        clock["calendar"]["name"] = text
    return make_page(answer, ZONE, KEY)


def reported(text: str) -> str:
    """The page of a report by this text."""
    sums = {"met": 1, "breached": 1, "stopped": 2, "business_seconds": 60, "wall_seconds": 60}
    found = {"by": "team", "clocks": 2, "values": {text: {"resolution": sums}}, "backlog": {text: {"1h": 1}}}
    found |= {"causes": {"resolution": {text: 1}}, "levels": {}}
    at = make_instant()
    down = outages.Found(since=at, until=at, services={text: [Outage(pieces=(), open=())]})
    return make_report(found, down, Period(since=at, until=at, as_of=at), ZONE)


@settings(deadline=None)
@given(text=texts)
@example(text=MARKUP)
def test_an_element_and_an_attribute_read_as_the_text_in_one_line(text: str) -> None:
    page = Page(f'<p title="{inline(text)}">{inline(text)}</p><p>{isolated(text)}</p>')
    assert page.elements == [("p", ("title",)), ("p", ()), ("bdi", ())]
    assert page.values == [one_line(text)]
    assert "".join(page.texts) == one_line(text) * 2


@settings(deadline=None)
@given(text=texts)
@example(text=MARKUP)
def test_a_title_a_table_and_a_chart_have_the_text_and_no_element_of_it(text: str) -> None:
    def made(text: str) -> Page:
        row = Row(label=text, bars=(Bar(stretches=((Look.MET, 1),), words=text),))
        body = table((f"of {inline(text)}",), ((isolated(text),),)) + chart(text, [row], Unit.NUMBER)
        return Page(document(text, body))

    page, line = made(text), one_line(text)
    assert page.elements == made(PLAIN).elements
    assert one_line(f"{text}; the same figures are in the table that follows.") in page.values
    said = "".join(page.texts)
    assert said.count(line) >= 5 if line else said
    assert one_line(cut(line, LONGEST)) in said


@settings(deadline=None)
@given(text=texts)
@example(text=MARKUP)
def test_a_report_is_built_the_same_whatever_its_groups_are_called(text: str) -> None:
    page = Page(reported(text))
    assert page.elements == Page(reported(PLAIN)).elements
    assert one_line(text) in "".join(page.texts)


@settings(deadline=None)
@given(text=stored)
@example(text=MARKUP)
@example(text='</script><script type="application/json" id="proof">')
def test_an_explanation_is_built_the_same_whatever_its_record_says_and_can_be_checked(text: str) -> None:
    content = explained(text)
    page = Page(content)
    assert page.elements == Page(explained(PLAIN)).elements
    assert one_line(text) in "".join(page.texts)
    # A file that is read as text comes back with its line ends translated.
    answer, _ = check_page(content.replace("\r\n", "\n").replace("\r", "\n"))
    assert answer["incident"]["team"] == text


@settings(deadline=None)
@given(text=st.text(st.sampled_from("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069ab"), max_size=20))
def test_a_direction_that_a_text_turns_ends_with_its_element(text: str) -> None:
    depth = 0
    for character in one_line(text):
        depth += character in "\u202a\u202b\u2066\u2067\u2068"
        depth -= character in "\u202c\u2069"
        assert depth >= 0
        assert character not in "\u202d\u202e"
    assert depth == 0
