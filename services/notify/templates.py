"""The words of an e-mail, rendered when a delivery is planned so that every attempt says the same.

Templates come from the operator's settings, values from records that anybody may have written. So they run in a
sandbox that bounds what they make and do, an unknown name is an error, and what comes out is cut to a length.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jinja2 import Template

from services.notify.domain.delivery import Content, TextFrom
from services.notify.domain.rules import Facts, Rule
from services.notify.sandbox import compiled, rendered
from shared.text.clusters import cut
from shared.text.lines import one_line

MAX_SUBJECT = 200
MAX_TEXT = 10_000
"""Longest subject and text in characters; more is cut, with an ellipsis for its last character."""

_RENDERED = 10 * MAX_TEXT
"""Characters after which rendering ends: more than is left of any of them once they are cut."""


class Templates:
    """The compiled templates of all rules. Raises as `compiled` does when one does not compile."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._templates: Mapping[str, tuple[Template, Template]] = {
            rule.name: (compiled(rule.subject), compiled(rule.text)) for rule in rules
        }

    def render(self, rule: Rule, facts: Facts) -> Content:
        """The words of `rule` for this event. Never raises.

        A template sees the fields of the snapshot by their names, `change`, and `event` (id, type, time, source).
        For a restricted record, and where the template asks for a field that is not there or for more than the
        sandbox allows, the bare text stands in: a mistake in a template must not silence a notification. Then
        `text_from` says so.
        """
        if facts.restricted:
            return _bare(facts, TextFrom.RESTRICTED)
        subject, text = self._templates[rule.name]
        names = _names(facts)
        try:
            return Content(
                subject=cut(one_line(rendered(subject, names, _RENDERED)), MAX_SUBJECT),
                text=cut(rendered(text, names, _RENDERED), MAX_TEXT),
            )
        # A template can raise anything that Python raises, up to RecursionError and MemoryError.
        except Exception:
            return _bare(facts, TextFrom.FALLBACK)


def _names(facts: Facts) -> dict[str, Any]:
    event = {"id": facts.event, "type": facts.type, "time": facts.at, "source": facts.source}
    return {"change": {}, **facts.data, "event": event}


def _bare(facts: Facts, text_from: TextFrom) -> Content:
    fields = [f"{name}: {facts.data[name]}" for name in ("number", "state", "priority") if facts.data.get(name)]
    return Content(
        subject=cut(one_line(f"{facts.record}: {facts.type}"), MAX_SUBJECT),
        text=cut("\n".join([f"event: {facts.type}", *fields]) + "\n", MAX_TEXT),
        text_from=text_from,
    )
