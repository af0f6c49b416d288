"""The manifests of every process, made from the services that exist: they differ in their name and command alone."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from deploy.local.access import OPERATOR, RELAY, find_services
from deploy.local.stack import Addresses, plan

Manifest = dict[str, Any]

NAMESPACE = "deskwire"
OPS_PORT = 9700
USER = 10001
GRACE_SECONDS = 40
"""Longer than DESKWIRE_STOP_SECONDS (25), after which a process ends by itself."""
SECRETS = "/run/secrets/deskwire"
SETTINGS = "/etc/deskwire"
HEADER = "# Written by `python -m deploy.k8s`; changes belong in an overlay.\n"
FIXED = ("namespace.yaml", "network.yaml")
"""Files of the base that are written by hand."""


def files(root: Path) -> Mapping[str, str]:
    """The generated files of `base/`, by name: one for each service, the preparing job, and kustomize's own."""
    services = find_services(root)
    modules = {one.name: one.module for one in plan(services, OPS_PORT, Addresses.of_one("", "", services))}
    written = {f"{name}.yaml": [*_process(name, modules[name], name), *_relay(name)] for name in services}
    written["prepare.yaml"] = [prepare()]
    written["kustomization.yaml"] = [kustomization(root, [*FIXED, *written])]
    return {name: HEADER + "---\n".join(map(_dump, manifests)) for name, manifests in sorted(written.items())}


def kustomization(root: Path, resources: Iterable[str]) -> Manifest:
    """Everything of the base, with the environment that all processes share."""
    settings = sorted(file.name for file in (root / "deploy" / "settings").glob("*.yaml") if _is_settings(file))
    environment = {
        "DESKWIRE_OPS_HOST": "0.0.0.0",  # noqa: S104 (probes and scrapers come from outside the pod)
        "DESKWIRE_OPS_PORT": str(OPS_PORT),
        "DESKWIRE_STOP_SECONDS": "25",
        "EVENTLET_NO_GREENDNS": "yes",
        "PYTHONWARNINGS": "ignore",
        **{f"DESKWIRE_{name.removesuffix('.yaml').upper()}_FILE": f"{SETTINGS}/{name}" for name in settings},
    }
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": NAMESPACE,
        "resources": [*sorted(resources), "../../settings"],
        "configMapGenerator": [
            {"name": "deskwire-environment", "literals": [f"{key}={value}" for key, value in environment.items()]}
        ],
    }


def prepare() -> Manifest:
    """The job that declares the topology and makes the collections; it needs the operator's address."""
    labels = _labels("prepare", "job")
    pod = _pod("prepare", ("shared.prepare",), OPERATOR, probes={})
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "prepare", "labels": labels},
        "spec": {
            "backoffLimit": 20,
            # A job cannot be changed: the next version's is applied when this one has gone.
            "ttlSecondsAfterFinished": 300,
            "template": {"metadata": {"labels": labels}, "spec": {**pod, "restartPolicy": "OnFailure"}},
        },
    }


def _relay(service: str) -> list[Manifest]:
    """A service that publishes has a relay of its own; on one machine a single process relays for all."""
    if not importlib.import_module(f"services.{service}.events").PUBLISHES:
        return []
    return _process(f"{RELAY}-{service}", ("shared.relay", service), RELAY)


def _process(name: str, module: tuple[str, ...], user: str) -> list[Manifest]:
    labels = _labels(name, "relay" if user == RELAY else "service")
    chosen = {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "deskwire"}
    return [_deployment(name, module, user, labels, chosen), _service(name, labels, chosen), _budget(name, chosen)]


def _deployment(
    name: str, module: tuple[str, ...], user: str, labels: Mapping[str, str], chosen: Mapping[str, str]
) -> Manifest:
    probes = {
        # A start waits for the broker and the database, which may take their time.
        "startupProbe": {**_probe("/livez", 2), "failureThreshold": 60},
        "livenessProbe": _probe("/livez", 10),
        "readinessProbe": _probe("/readyz", 5),
    }
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": dict(chosen)},
    }
    pod = {**_pod(name, module, user, probes), "topologySpreadConstraints": [spread]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": dict(labels)},
        "spec": {
            "replicas": 1,
            "revisionHistoryLimit": 5,
            "selector": {"matchLabels": dict(chosen)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {"metadata": {"labels": dict(labels)}, "spec": pod},
        },
    }


def _pod(name: str, module: tuple[str, ...], user: str, probes: Mapping[str, Any]) -> Manifest:
    container = {
        "name": name,
        "image": "deskwire",
        "command": ["python", "-m", *module],
        "env": _addresses(user),
        "envFrom": [{"configMapRef": {"name": "deskwire-environment"}}],
        "ports": [{"name": "ops", "containerPort": OPS_PORT}],
        **probes,
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": "384Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [
            {"name": "secrets", "mountPath": SECRETS, "readOnly": True},
            {"name": "settings", "mountPath": SETTINGS, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 (the pod's own)
        ],
    }
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [
            {"name": "secrets", "secret": {"secretName": f"deskwire-{user}", "defaultMode": 0o440}},
            {"name": "settings", "configMap": {"name": "deskwire-settings"}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}},
        ],
    }


def _addresses(user: str) -> list[Manifest]:
    """Where a process reads its addresses; the operator's job is told of the management API, too."""
    files = {"AMQP_URI_FILE": "amqp-uri", "MONGODB_URI_FILE": "mongodb-uri"}
    if user == OPERATOR:
        files["DESKWIRE_MANAGEMENT_FILE"] = "management-uri"
    return [{"name": name, "value": f"{SECRETS}/{file}"} for name, file in files.items()]


def _service(name: str, labels: Mapping[str, str], chosen: Mapping[str, str]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": dict(labels)},
        "spec": {"selector": dict(chosen), "ports": [{"name": "ops", "port": OPS_PORT, "targetPort": "ops"}]},
    }


def _budget(name: str, chosen: Mapping[str, str]) -> Manifest:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name},
        # With one replica `minAvailable: 1` would hold up every drain of a node; queues keep what comes meanwhile.
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": dict(chosen)}},
    }


def _probe(path: str, period: int) -> Manifest:
    return {"httpGet": {"path": path, "port": "ops"}, "periodSeconds": period, "timeoutSeconds": 3}


def _labels(name: str, component: str) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/part-of": "deskwire",
        "app.kubernetes.io/component": component,
    }


def _is_settings(file: Path) -> bool:
    return file.name != "kustomization.yaml"


class _Plain(yaml.SafeDumper):
    """Writes the same value twice instead of by an alias, as people do."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _dump(manifest: Manifest) -> str:
    text: str = yaml.dump(manifest, Dumper=_Plain, sort_keys=False, width=120)
    return text
