"""The sandbox in which templates run: Jinja2's own, with what one rendering may make and do bounded.

A template is the operator's, but a value in it may be anybody's: as a format (`%999999999s`), as a width, as what is
repeated, it could fill the memory. So all text that grows and all steps of loops and macros are paid for before they
are made, out of one allowance for each rendering. What is paid for is counted, never timed: the same template with
the same values is rendered or refused on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from functools import wraps
from typing import Any

from jinja2 import StrictUndefined, Template, nodes, pass_context, pass_eval_context
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS as DEFAULT_FILTERS
from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment
from jinja2.visitor import NodeTransformer

from services.notify.growth import FILTERS, METHODS, OPERATORS, REFUSED, joined

ALLOWANCE = 2_000_000
"""Characters that one rendering may make, with all that is on the way to its words."""
STEP = 20
"""What a step of a loop or a call costs, in characters."""

_LEFT: ContextVar[list[int]] = ContextVar("_LEFT")


def compiled(text: str) -> Template:
    """The template of this text. Raises TemplateError, or SyntaxError, RecursionError and the like for one that
    Python cannot compile."""
    return environment.from_string(_Counting().visit(environment.parse(text)))


def rendered(template: Template, names: Mapping[str, Any], longest: int) -> str:
    """The words of the template, of which the rest is left out once they have more than `longest` characters.

    Raises SecurityError when the allowance is used up, and whatever Python raises for a wrong template.
    """
    token = _LEFT.set([ALLOWANCE])
    try:
        parts: list[str] = []
        size = 0
        for part in template.generate(names):
            parts.append(part)
            size += len(part)
            if size > longest:
                break
        return "".join(parts)
    finally:
        _LEFT.reset(token)


def _pay(amount: int) -> None:
    left = _LEFT.get(None)
    if left is None:
        raise SecurityError("is only worked out while it is rendered")
    left[0] -= max(amount, 0)
    if left[0] < 0:
        raise SecurityError(f"makes more than {ALLOWANCE} characters")


class _Sandbox(SandboxedEnvironment):
    intercepted_binops = frozenset(OPERATORS)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        _pay(STEP + OPERATORS[operator](left, right))
        return super().call_binop(context, operator, left, right)

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        _pay(STEP)
        # The sandbox stands before `format` with a function of its own.
        method = getattr(obj, "__wrapped__", obj)
        owner, name = getattr(method, "__self__", None), getattr(method, "__name__", "")
        if isinstance(owner, str | bytes) and name in METHODS:
            if name == "join":
                args = tuple(list(items) for items in args)
            _pay(METHODS[name](owner, *args, **kwargs))
        return super().call(context, obj, *args, **kwargs)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return attr not in REFUSED and super().is_safe_attribute(obj, attr, value)


class _Counting(NodeTransformer):
    """Has loops counted, and `~` joined by what pays for it."""

    def visit_For(self, node: nodes.For) -> nodes.For:
        self.generic_visit(node)
        node.iter = nodes.Filter(node.iter, "counted", [], [], None, None, lineno=node.lineno)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Expr:
        self.generic_visit(node)
        items = nodes.List(node.nodes, lineno=node.lineno)
        return nodes.Filter(items, "join", [], [], None, None, lineno=node.lineno)


def _counted(items: Iterable[Any]) -> Iterator[Any]:
    for item in items:
        _pay(STEP)
        yield item


@pass_context
def _shown(_context: Context, value: Any) -> Any:
    """What an expression writes. A template that is compiled has no context, so nothing is worked out there."""
    text = value if isinstance(value, str) else str(value)
    _pay(len(text))
    return text


def _paid(name: str, cost: Callable[..., int]) -> Callable[..., Any]:
    """The filter of this name, paid for before it works."""
    plain = DEFAULT_FILTERS[name]
    # Jinja2 passes what a filter asks for ahead of the value.
    ahead = 1 if hasattr(plain, "jinja_pass_arg") else 0

    @wraps(plain)
    def paid(*args: Any, **named: Any) -> Any:
        _pay(STEP + cost(*args[ahead:], **named))
        return plain(*args, **named)

    return paid


@pass_eval_context
def _join(context: Any, items: Iterable[Any], d: Any = "", attribute: Any = None) -> Any:
    listed = list(items)
    _pay(joined(d, listed))
    return DEFAULT_FILTERS["join"](context, listed, d, attribute)


environment = _Sandbox(undefined=StrictUndefined, autoescape=False, finalize=_shown)
environment.filters |= {name: _paid(name, cost) for name, cost in FILTERS.items()}
environment.filters |= {"join": _join, "counted": _counted}
del environment.globals["lipsum"]
