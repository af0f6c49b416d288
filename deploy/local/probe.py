"""What a process says of itself on its ops port."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from http.client import HTTPException

from prometheus_client.parser import text_string_to_metric_families

Sample = tuple[str, dict[str, str], float]


def readiness(port: int, seconds: float = 1.0) -> dict[str, str] | None:
    """The faults that keep the process from being ready, by check; empty when it is; None when it does not answer."""
    status, body = _get(port, "readyz", seconds)
    if status == 200:
        return {}
    if status is None:
        return None
    try:
        return dict(json.loads(body)["faults"]) or {"process": "is not ready"}
    except (ValueError, KeyError, TypeError):
        return {"process": f"answers {status}"}


def metrics(port: int, seconds: float = 2.0) -> list[Sample] | None:
    """Its metrics as (name, labels, value); None when it does not answer."""
    status, body = _get(port, "metrics", seconds)
    if status != 200:
        return None
    families = text_string_to_metric_families(body)
    return [(sample.name, dict(sample.labels), float(sample.value)) for family in families for sample in family.samples]


def _get(port: int, path: str, seconds: float) -> tuple[int | None, str]:
    try:
        return _answer(port, path, seconds)
    except (OSError, HTTPException):
        # A process that is killed while it answers leaves an answer without its end.
        return None, ""


def _answer(port: int, path: str, seconds: float) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=seconds) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
