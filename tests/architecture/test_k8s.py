"""The manifests for Kubernetes: complete, up to date, and as strict as they say. No cluster is asked."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.k8s.__main__ import stale
from deploy.k8s.credentials import secrets
from deploy.k8s.manifests import GRACE_SECONDS, OPS_PORT
from deploy.k8s.runtime_lock import runtime
from deploy.local.access import OPERATOR, RELAY, SENDER, find_services, rights_by_user
from shared import metrics
from shared.config import _READERS, Settings
from shared.topology import catalogue
from tests.architecture.sources import ROOT

K8S = ROOT / "deploy" / "k8s"
SERVICES = find_services(ROOT)
PROCESSES = (*SERVICES, *(f"relay-{one.service}" for one in catalogue() if one.publishes))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


@cache
def base() -> tuple[dict[str, Any], ...]:
    """Every object of the base."""
    return tuple(one for file in resources(K8S / "base") for one in yaml.safe_load_all(file.read_text()))


def resources(folder: Path) -> Iterator[Path]:
    for name in yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]:
        if (folder / name).is_file():
            yield folder / name


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one for one in base() if one["kind"] == kind}


def pods() -> dict[str, dict[str, Any]]:
    """The pod of each deployment and of the job, by name."""
    owners = of_kind("Deployment") | of_kind("Job")
    return {name: owner["spec"]["template"]["spec"] for name, owner in owners.items()}


def environment() -> dict[str, str]:
    """What all processes are told."""
    made = yaml.safe_load((K8S / "base" / "kustomization.yaml").read_text())["configMapGenerator"]
    (literals,) = [one["literals"] for one in made if one["name"] == "deskwire-environment"]
    return dict(literal.split("=", 1) for literal in literals)


def test_the_base_is_what_the_services_make_of_it() -> None:
    assert stale() == [], "run python -m deploy.k8s"


@pytest.mark.parametrize("kind", ["Deployment", "Service", "PodDisruptionBudget"])
def test_every_process_has_its_objects(kind: str) -> None:
    assert set(of_kind(kind)) == set(PROCESSES)


@pytest.mark.parametrize("kind", ["Service", "PodDisruptionBudget"])
def test_a_selector_chooses_the_pods_of_its_own_process(kind: str) -> None:
    for name, one in of_kind(kind).items():
        selector = one["spec"]["selector"]
        labels = of_kind("Deployment")[name]["spec"]["template"]["metadata"]["labels"]
        assert (selector.get("matchLabels") or selector).items() <= labels.items()
        assert labels["app.kubernetes.io/name"] == name


@pytest.mark.parametrize("name", [*PROCESSES, "prepare"])
def test_a_pod_may_do_nothing_but_its_work(name: str) -> None:
    pod = pods()[name]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }
        assert set(container["resources"]) == {"requests", "limits"}
        assert all({"cpu", "memory"} <= set(part) for part in container["resources"].values())


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_is_probed_where_it_answers_and_has_time_to_stop(name: str) -> None:
    pod = pods()[name]
    (container,) = pod["containers"]
    probes = {probe: container[probe]["httpGet"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {probe: get["path"] for probe, get in probes.items()} == {
        "startupProbe": "/livez",
        "livenessProbe": "/livez",
        "readinessProbe": "/readyz",
    }
    assert container["ports"] == [{"name": "ops", "containerPort": OPS_PORT}]
    assert all(get["port"] == "ops" for get in probes.values())
    assert pod["terminationGracePeriodSeconds"] == GRACE_SECONDS > float(environment()["DESKWIRE_STOP_SECONDS"]) + 10


@pytest.mark.parametrize("name", [*PROCESSES, "prepare"])
def test_secrets_come_as_files_of_the_users_own(name: str) -> None:
    pod = pods()[name]
    user = {"prepare": OPERATOR}.get(name, RELAY if name.startswith("relay-") else name)
    (secret,) = [volume["secret"] for volume in pod["volumes"] if "secret" in volume]
    assert secret["secretName"] == f"deskwire-{user}"
    (container,) = pod["containers"]
    given = {entry["name"]: entry["value"] for entry in container["env"]}
    more = {"DESKWIRE_MANAGEMENT_FILE"} if name == "prepare" else set()
    assert set(given) == {"AMQP_URI_FILE", "MONGODB_URI_FILE"} | more
    known = dict.fromkeys(rights_by_user(SERVICES), "p/w")
    made = secrets(known, "amqps://broker:5671/", "mongodb://m/", "https://broker:15671")
    (own,) = [one for one in made["items"] if one["metadata"]["name"] == secret["secretName"]]
    assert {Path(path).name for path in given.values()} == set(own["stringData"])
    assert own["stringData"]["amqp-uri"] == f"amqps://{user}:p%2Fw@broker:5671/deskwire"


def test_foreign_senders_have_no_secret_in_the_cluster() -> None:
    made = secrets(dict.fromkeys(rights_by_user(SERVICES), "x"), "amqp://broker", "mongodb://m/", "")
    assert f"deskwire-{SENDER}" not in [one["metadata"]["name"] for one in made["items"]]


@pytest.mark.parametrize(
    ("named", "told"), [("https://broker:15671/", f"https://{OPERATOR}:p%2Fw@broker:15671"), ("", "")]
)
def test_the_management_api_is_told_to_the_operator_alone(named: str, told: str) -> None:
    known = dict.fromkeys(rights_by_user(SERVICES), "p/w")
    made = secrets(known, "amqp://broker", "mongodb://m/", named)
    given = {one["metadata"]["name"]: one["stringData"].get("management-uri") for one in made["items"]}
    assert {name: uri for name, uri in given.items() if uri is not None} == {f"deskwire-{OPERATOR}": told}


def test_the_preparing_job_may_reach_the_management_api_and_no_other_pod_may() -> None:
    rules = {one["metadata"]["name"]: one["spec"] for one in base() if one["kind"] == "NetworkPolicy"}
    open_to = [
        spec["podSelector"]["matchLabels"]
        for spec in rules.values()
        for rule in spec.get("egress", [])
        if {15671, 15672} & {port["port"] for port in rule["ports"]}
    ]
    assert open_to == [{"app.kubernetes.io/name": "prepare"}]


def test_the_environment_holds_settings_that_the_house_knows(tmp_path: Path) -> None:
    given = environment()
    for name, value in given.items():
        if name.endswith("_FILE"):
            file = ROOT / "deploy" / "settings" / Path(value).name
            assert file.is_file()
            given[name] = str(file)
    settings = Settings.load(given)
    assert (settings.ops_host, settings.ops_port) == ("0.0.0.0", OPS_PORT)


def test_the_settings_files_are_all_in_their_config_map() -> None:
    folder = ROOT / "deploy" / "settings"
    (made,) = yaml.safe_load((folder / "kustomization.yaml").read_text())["configMapGenerator"]
    assert set(made["files"]) == {file.name for file in folder.glob("*.yaml")} - {"kustomization.yaml"}


def test_nothing_goes_in_or_out_that_no_rule_names() -> None:
    policies = of_kind("NetworkPolicy")
    closed = policies["nothing-by-default"]["spec"]
    assert closed == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    doors = [rule for one in policies.values() for rule in one["spec"].get("ingress", [])]
    assert [port["port"] for rule in doors for port in rule["ports"]] == [OPS_PORT]


def test_the_job_prepares_what_services_need_before_they_start() -> None:
    (container,) = pods()["prepare"]["containers"]
    assert container["command"] == ["python", "-m", "shared.prepare"]


LABELS = {one._name: {*one._labelnames, "le"} for one in vars(metrics).values() if hasattr(one, "_labelnames")}
USED = re.compile(r"(itsm_[a-z_]+?)(?:_total|_bucket|_count|_sum)?\b(?:\{([^}]*)\})?")
RULES = [
    rule
    for group in yaml.safe_load((K8S / "monitoring" / "alerts.yaml").read_text())["spec"]["groups"]
    for rule in group["rules"]
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_uses_metrics_and_labels_that_exist(rule: dict[str, Any]) -> None:
    """Prometheus takes what does not exist for empty, and such an alert never fires."""
    used = USED.findall(rule["expr"])
    for name, matchers in used:
        assert set(re.findall(r"(\w+)\s*[!=]", matchers)) <= LABELS[name]
    grouped = {label for group in re.findall(r"by \(([^)]*)\)", rule["expr"]) for label in group.split(", ")}
    assert not used or grouped <= set.intersection(*(LABELS[name] for name, _ in used))
    assert (ROOT / rule["annotations"]["runbook_url"]).is_file()


def test_the_image_holds_what_runs_and_neither_tools_nor_the_embedded_database() -> None:
    kept = runtime(LOCK)
    names = {line.partition("==")[0] for line in kept.splitlines() if "==" in line and not line.startswith(" ")}
    assert {"nameko", "eventlet", "kombu", "pymongo", "click", "vine", "cffi", "greenlet"} <= names
    assert names.isdisjoint({"secantusdb", "pytest", "ruff", "mypy", "aiosmtpd", "hypothesis", "jsonschema"})
    assert kept.count("==") == len(names)
    assert all("--hash=sha256:" in entry for entry in kept.split("\n    # via")[:1])


def test_the_image_runs_as_nobody_and_installs_by_hash() -> None:
    text = (K8S / "Dockerfile").read_text(encoding="utf-8")
    assert "--require-hashes" in text
    assert "USER 10001:10001" in text
    assert {line.split()[1] for line in text.splitlines() if line.startswith("FROM")} == {"python:3.11-slim"}
    user = {pod["securityContext"]["runAsUser"] for pod in pods().values()}
    assert user == {10001}


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl, which brings kustomize, is not on this machine")
@pytest.mark.parametrize("overlay", ["dev", "production"])
def test_kustomize_builds_the_overlays(overlay: str) -> None:
    argv = ["kubectl", "kustomize", str(K8S / "overlays" / overlay)]
    built = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60)
    objects = list(yaml.safe_load_all(built.stdout))
    assert {one["metadata"]["namespace"] for one in objects if one["kind"] != "Namespace"} == {"deskwire"}
    maps = {one["metadata"]["name"]: one for one in objects if one["kind"] == "ConfigMap"}
    for one in objects:
        if one["kind"] == "Deployment":
            pod = one["spec"]["template"]["spec"]
            assert pod["containers"][0]["envFrom"][0]["configMapRef"]["name"] in maps
            assert [volume["configMap"]["name"] in maps for volume in pod["volumes"] if "configMap" in volume] == [True]
            assert ":" in pod["containers"][0]["image"]
            assert one["spec"]["replicas"] == {"dev": 1, "production": 2}[overlay]


def test_the_page_on_operation_names_every_setting() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    own = ("DESKWIRE_VAR", "DESKWIRE_AMQP_PORT", "DESKWIRE_MONGODB_PORT", "DESKWIRE_OPS_BASE", "DESKWIRE_BIND")
    assert [name for name in (*(name for name, _ in _READERS.values()), *own) if f"`{name}`" not in page] == []
