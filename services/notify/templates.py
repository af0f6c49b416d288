"""The words of an e-mail, rendered when a delivery is planned so that every attempt says the same.

Templates come from the operator's settings, values from records that anybody may have written. So they run in
Jinja2's sandbox, an unknown name is an error, and what comes out is cut to a length.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from services.notify.domain.delivery import Content, TextFrom
from services.notify.domain.rules import Facts, Rule
from shared.text.clusters import cut
from shared.text.lines import one_line

MAX_SUBJECT = 200
MAX_TEXT = 10_000
"""Longest subject and text in characters; more is cut, with an ellipsis for its last character."""

environment = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False)


class Templates:
    """The compiled templates of all rules. Raises TemplateError when one does not compile."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._templates: Mapping[str, tuple[Template, Template]] = {
            rule.name: (environment.from_string(rule.subject), environment.from_string(rule.text)) for rule in rules
        }

    def render(self, rule: Rule, facts: Facts) -> Content:
        """The words of `rule` for this event. Never raises.

        A template sees the fields of the snapshot by their names, `change`, and `event` (id, type, time, source).
        For a restricted record, and where the template asks for a field that is not there, the bare text stands in:
        a mistake in a template must not silence a notification. Then `text_from` says so.
        """
        if facts.restricted:
            return _bare(facts, TextFrom.RESTRICTED)
        subject, text = self._templates[rule.name]
        names = _names(facts)
        try:
            return Content(
                subject=cut(one_line(subject.render(names)), MAX_SUBJECT), text=cut(text.render(names), MAX_TEXT)
            )
        # A template's arithmetic can raise anything that Python's operators raise.
        except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError):
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
