"""Leniency at the intake: what a monitor sends at three at night becomes an alert, whatever is odd about it.

Null and blank fields count as absent, numbers become texts, texts that are too long are cut, odd labels are left out,
a missing key is made of what the alert says. Each of these but the first is told in a note (`domain.adjusted`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from services.incident.domain.adjusted import Adjusted, Why
from services.incident.domain.alert_rules import AlertRules
from services.incident.domain.alerts import Signal
from shared.envelope import Envelope
from shared.names import is_blank

MARK = "…"
"""Stands where a text was cut."""
MAX_KEY = 1000
MAX_TITLE = 1000
MAX_NAME = 255
MAX_PROSE = 32_000
MAX_URL = 2000
MAX_LABELS = 64
MAX_LABEL_NAME = 200
MAX_LABEL = 1000
_NAMES = {"source": MAX_NAME, "ci": MAX_NAME, "service": MAX_NAME, "organisation": MAX_NAME, "url": MAX_URL}
_PROSE = {"title": MAX_TITLE, "description": MAX_PROSE}
_HEADLINES = ("summary", "message", "name")
"""Where other senders write what this house calls a title."""
_TRUE, _FALSE = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})


def bent(envelope: Envelope, rules: AlertRules) -> Signal:
    """The alert that a message tells of."""
    data, notes = envelope.data, list[Adjusted]()
    texts = {name: _text(name, data.get(name), longest, notes) for name, longest in _NAMES.items()}
    texts |= {name: _text(name, data.get(name), longest, notes, whole=True) for name, longest in _PROSE.items()}
    labels = _labels(data.get("labels"), notes)
    key = _key(data.get("dedup_key"), notes)
    title = texts.pop("title")
    called = title or _headline(data, notes) or key or _called(texts, labels) or envelope.subject or envelope.source
    if key is None:
        key = _made(envelope.source, called, texts, labels)
        notes.append(Adjusted(field="dedup_key", why=Why.MADE))
    word = _word(data.get("severity"))
    severity = None if word is None else rules.severity(word)
    if word is not None and severity is None:
        notes.append(Adjusted(field="severity", why=Why.UNKNOWN_WORD, said=word))
    return Signal(
        dedup_key=key,
        title=_cut(called.strip(), MAX_TITLE),
        titled=title is not None,
        severity=severity or rules.default,
        severity_word=word,
        outage=_outage(data.get("outage"), labels, notes),
        labels=labels,
        adjusted=tuple(notes),
        **texts,
    )


def _text(name: str, value: Any, longest: int, notes: list[Adjusted], *, whole: bool = False) -> str | None:
    """A field as text. `whole`: people read it, so what is no text is kept as JSON and not left out."""
    if value is None or (isinstance(value, str) and is_blank(value)):
        return None
    if not isinstance(value, str):
        if isinstance(value, dict | list) and not whole:
            notes.append(Adjusted(field=name, why=Why.NOT_TAKEN))
            return None
        notes.append(Adjusted(field=name, why=Why.AS_TEXT))
        value = _as_json(value)
    if len(value) > longest:
        notes.append(Adjusted(field=name, why=Why.CUT, count=len(value) - longest + 1))
    return _cut(value, longest)


def _key(value: Any, notes: list[Adjusted]) -> str | None:
    if value is None or value in ({}, []):
        return None
    if not isinstance(value, str):
        notes.append(Adjusted(field="dedup_key", why=Why.AS_TEXT))
        value = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    if is_blank(value):
        return None
    if len(value) > MAX_KEY:
        notes.append(Adjusted(field="dedup_key", why=Why.CUT, count=len(value) - MAX_KEY))
        return f"sha256:{hashlib.sha256(value.encode()).hexdigest()}"
    return value  # type: ignore[no-any-return]


def _made(sender: str, called: str, texts: Mapping[str, str | None], labels: Iterable[tuple[str, str]]) -> str:
    """A key of what the alert says and who sends it: a list in JSON, so that no two different lists give the same."""
    parts = [texts["source"], called, texts["ci"], texts["service"], sorted(labels), sender]
    return f"made:{hashlib.sha256(orjson.dumps(parts)).hexdigest()}"


def _headline(data: Mapping[str, Any], notes: list[Adjusted]) -> str | None:
    """What it goes by for a sender who calls the title otherwise."""
    texts = (_text(name, data.get(name), MAX_TITLE, notes, whole=True) for name in _HEADLINES)
    return next((text for text in texts if text is not None), None)


def _called(texts: Mapping[str, str | None], labels: Iterable[tuple[str, str]]) -> str | None:
    """What an alert without a title and a key goes by: the first of what it says that a person understands."""
    pairs = dict(labels)
    words = (texts["description"] or "").strip().splitlines()
    first = next((f"{name}={value}" for name, value in pairs.items()), None)
    choices = (*words[:1], pairs.get("alertname"), first, texts["ci"], texts["service"], texts["url"], texts["source"])
    return next((choice for choice in choices if choice and not is_blank(choice)), None)


def _labels(value: Any, notes: list[Adjusted]) -> tuple[tuple[str, str], ...]:
    if value is None or value == {}:
        return ()
    pairs = (
        [(name, inner) for name, inner in value.items() if _is_label(name, inner)] if isinstance(value, dict) else []
    )
    kept = pairs[:MAX_LABELS]
    given = len(value) if isinstance(value, dict) else 1
    if given > len(kept):
        notes.append(Adjusted(field="labels", why=Why.LEFT_OUT, count=given - len(kept)))
    texts = [(name, "" if inner is None else str(inner)) for name, inner in kept]
    cut = sum(len(text) > MAX_LABEL for _, text in texts)
    if cut:
        notes.append(Adjusted(field="labels", why=Why.CUT, count=cut))
    return tuple((name, _cut(text, MAX_LABEL)) for name, text in texts)


def _is_label(name: str, value: Any) -> bool:
    return not is_blank(name) and len(name) <= MAX_LABEL_NAME and not isinstance(value, dict | list)


def _word(value: Any) -> str | None:
    text = value if isinstance(value, str) else _as_json(value)
    return None if value is None or is_blank(text) else _cut(text, MAX_NAME)


def _outage(value: Any, labels: Iterable[tuple[str, str]], notes: list[Adjusted]) -> bool:
    """Whether the service is down; many monitors can say no more than labels do, so it may stand among them."""
    said = str(value).strip().lower()
    if said in _TRUE | _FALSE:
        return said in _TRUE
    if value is not None and not (isinstance(value, str) and is_blank(value)):
        notes.append(Adjusted(field="outage", why=Why.NOT_TAKEN))
    return dict(labels).get("outage", "").lower() == "true"


def _as_json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}{MARK}"
