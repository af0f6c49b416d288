"""Templates: what does not compile is a fault of the settings; what renders is bounded, whatever its values say."""

from __future__ import annotations

import time
from typing import Any

import pytest

from services.notify.domain.delivery import Content, TextFrom
from services.notify.templates import MAX_TEXT, Templates
from tests.unit.notify.factories import make_data, make_facts, make_rule
from tests.unit.notify.test_settings import faults, make_document, make_rule_entry

LONG = "x" * 20_000


def render(text: str, **data: Any) -> Content:
    rule = make_rule(subject="{{ number }}", text=text)
    started = time.process_time()
    content = Templates([rule]).render(rule, make_facts(data={**make_data(), "title": LONG, **data}))
    assert time.process_time() - started < 3
    return content


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{{ title | nosuch }}", "No filter named 'nosuch'"),
        ("{{ title is nosuch }}", "No test named 'nosuch'"),
        ("{% block a %}{% endblock %}{% block a %}{% endblock %}", "block 'a' defined twice"),
        ("{% for a in [1] %}" * 25 + "{% endfor %}" * 25, "cannot be compiled"),
        ("{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}", "nested too deeply"),
        ("{{ " + "-" * 3000 + "1 }}", "nested too deeply"),
        ("{{ title", "line 1: "),
    ],
)
@pytest.mark.parametrize("name", ["subject", "text"])
def test_a_template_that_does_not_compile_is_a_fault_in_its_place(name: str, text: str, fault: str) -> None:
    message = faults(make_document(rules=[make_rule_entry(**{name: text})]))
    assert f"rules.0.{name}: " in message
    assert fault in message


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", ""),
        ("{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(40) }}", ""),
        ("{{ title % number }}", "%999999999s"),
        ("{{ title % (99999999, number) }}", "%*s"),
        ("{{ title | format(number) }}", "%.999999999f"),
        ("{{ title.format(number) }}", "{0:>99999999}"),
        ("{{ title.format(number, 99999999) }}", "{0:>{1}}"),
        ("{{ title.format_map({'a': number}) }}", "{a:>99999999}"),
        ("{{ title * 999999999 }}", "x"),
        ("{{ 999999999 * title }}", "x"),
        ("{{ [title] * 999999999 }}", "x"),
        ("{{ 9 ** 999999999 }}", ""),
        ("{{ title.replace('', title) }}", LONG),
        ("{{ title | replace('', title) }}", LONG),
        ("{{ title | join(title) }}", LONG),
        ("{{ title.join(title) }}", LONG),
        ("{{ title | center(999999999) }}", "x"),
        ("{{ title.ljust(999999999) }}", "x"),
        ("{{ title.expandtabs(99999999) }}", "\t" * 100),
        ("{{ title | indent(99999999, true) }}", "x\n" * 100),
        ("{{ title | batch(999999999, 0) | list }}", "x"),
        ("{{ 5 | round(999999999, 'ceil') }}", ""),
        ("{{ (5).to_bytes(999999999) }}", ""),
        ("{{ lipsum(999999) }}", ""),
        ("{{ 'x' | center(999999999) }}", ""),
        ("{% for a in title %}{% for b in title %}{% for c in title %}{% endfor %}{% endfor %}{% endfor %}", LONG),
        ("{% set all %}{% for a in title %}{{ title }}{% endfor %}{% endset %}{{ all }}", LONG),
        ("{% set n = namespace(x=title) %}{% for i in range(40) %}{% set n.x = n.x ~ n.x %}{% endfor %}", LONG),
        ("{% set n = namespace(x=title) %}{% for i in range(40) %}{% set n.x = n.x + n.x %}{% endfor %}", LONG),
    ],
)
def test_what_would_grow_beyond_all_measure_is_told_in_the_bare_text(text: str, title: str) -> None:
    assert render(text, title=title).text_from is TextFrom.FALLBACK


def test_rendering_ends_where_the_words_are_cut() -> None:
    content = render("{% for letter in title %}{{ title }}{% endfor %}")
    assert content.text_from is TextFrom.TEMPLATE
    assert len(content.text) == MAX_TEXT


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{ '%5s|%-5s|%05.1f' % ('a', 'b', 2.5) }}", "    a|b    |002.5"),
        ("{{ '{:>5}'.format('a') ~ '{x}'.format_map({'x': 1}) }}", "    a1"),
        ("{{ '%s of %s' | format(1, 2) }}", "1 of 2"),
        ("{{ ['b', 'a'] | sort | join(', ') }}{{ ', '.join(['c', 'd']) }}", "a, bc, d"),
        ("{{ [{'n': 1}, {'n': 2}] | join('-', attribute='n') }}", "1-2"),
        ("{{ 'a' | center(5) }}{{ 'b'.ljust(3) }}|{{ '-' * 5 }}{{ 2 * 3 }}{{ 2 ** 8 }}", "  a  b  |-----6256"),
        ("{{ 'a\nb' | indent(2) }}{{ 'aXb' | replace('X', '-') }}{{ 2.567 | round(1) }}", "a\n  ba-b2.6"),
        (
            "{% for a in [1, 2] %}{{ loop.index }}/{{ loop.length }}{{ '' if loop.last else ',' }}{% endfor %}",
            "1/2,2/2",
        ),
        ("{% for k, v in {'a': 1}.items() if v %}{{ k }}{{ v }}{% else %}none{% endfor %}", "a1"),
        ("{% for a in [[1, [2, []]]] recursive %}{{ a | tojson }}{% endfor %}", "[1, [2, []]]"),
        ("{% autoescape true %}{{ '<b>' | escape }}{% endautoescape %}{{ {'a': 1} }}", "&lt;b&gt;{'a': 1}"),
    ],
)
def test_templates_say_what_they_always_said(text: str, words: str) -> None:
    content = render(text)
    assert content.text_from is TextFrom.TEMPLATE
    assert content.text == words
