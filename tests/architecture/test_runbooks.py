"""Every alert has a runbook, and both speak of metrics that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.architecture.sources import ROOT

ALERTS = yaml.safe_load((ROOT / "deploy" / "k8s" / "monitoring" / "alerts.yaml").read_text(encoding="utf-8"))
RULES = [rule for group in ALERTS["spec"]["groups"] for rule in group["rules"]]
RUNBOOKS = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
METRICS = set(re.findall(r'"(itsm_[a-z_]+)"', (ROOT / "shared" / "metrics.py").read_text(encoding="utf-8")))
DERIVED = ("_total", "_bucket", "_count", "_sum")


def unknown(text: str) -> list[str]:
    named = re.findall(r"\bitsm_[a-z_]+", text)
    return [name for name in named if _plain(name) not in METRICS and name not in METRICS]


def _plain(name: str) -> str:
    return next((name.removesuffix(end) for end in DERIVED if name.endswith(end)), name)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_names_its_runbook_which_names_the_alert(rule: dict[str, dict[str, str]]) -> None:
    runbook = ROOT / rule["annotations"]["runbook_url"]
    assert f"`{rule['alert']}`" in runbook.read_text(encoding="utf-8")
    assert unknown(str(rule["expr"])) == []


def test_every_runbook_belongs_to_an_alert() -> None:
    assert {ROOT / rule["annotations"]["runbook_url"] for rule in RULES} == set(RUNBOOKS)


@pytest.mark.parametrize("runbook", RUNBOOKS, ids=lambda path: path.stem)
def test_a_runbook_speaks_of_metrics_that_exist(runbook: Path) -> None:
    assert unknown(runbook.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("page", sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("clients/*.md")]))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []
