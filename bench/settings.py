"""The settings of a measured house: every incident of any priority is told to one address."""

from __future__ import annotations

from pathlib import Path

NOTIFY = """
domain: bench.localhost
max_attempts: 3
concurrent: 10
lease_seconds: 60
smtp: {host: 127.0.0.1, port: 25, sender: desk@bench.localhost, starttls: false}
webhook: {allow_http: true, allow_private: true}
fallback: desk
addresses:
  desk: {email: desk@bench.localhost}
rules:
  - name: every-incident
    events: [incident.opened]
    to: [desk]
    channel: email
    subject: "{{ number }} {{ priority }}: {{ title }}"
    text: "{{ number }} {{ title }}"
"""


def write(folder: Path) -> dict[str, str]:
    """Write the settings and return the environment that names them."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "notify.yaml"
    path.write_text(NOTIFY)
    return {"DESKWIRE_NOTIFY_FILE": str(path), "LOG_LEVEL": "WARNING"}
