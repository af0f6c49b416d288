"""Every event of the services that notify listens to is understood: a rule for all events plans a delivery."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.notify import events, settings
from services.notify.domain.delivery import TextFrom
from services.notify.domain.rules import type_matches
from shared.envelope import decode
from tests.unit.notify.factories import NotifyInMemory, make_rule

FOLDER = Path(__file__).parent
FOREIGN = {"change.deployed"}
SAMPLES = sorted(
    path
    for producer in events.CONSUMES
    for path in FOLDER.glob(f"samples/{producer}.*.json")
    if path.stem not in FOREIGN
)
SHIPPED = settings.load(FOLDER.parents[1] / "deploy" / "settings" / "notify.yaml").policy


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_understood_and_its_record_named(path: Path) -> None:
    envelope = decode(path.read_bytes())
    rule = make_rule(events=tuple(f"{producer}.*" for producer in events.CONSUMES), to=("manager",), text="{{ state }}")
    notify = NotifyInMemory(rule)
    assert notify.take(envelope).rejected == {}
    assert notify.stored()["record"] == envelope.data["number"]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_the_shipped_templates_find_every_field_they_name(path: Path) -> None:
    envelope = decode(path.read_bytes())
    named = [rule for rule in SHIPPED.rules if any(type_matches(one, envelope.type) for one in rule.events)]
    for rule in named:
        notify = NotifyInMemory(make_rule(events=rule.events, to=("manager",), subject=rule.subject, text=rule.text))
        notify.take(envelope)
        assert notify.stored()["content"]["text_from"] == TextFrom.TEMPLATE, rule.name
