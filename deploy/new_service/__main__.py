"""`python -m deploy.new_service asset`: writes the service, its golden samples, the generated pages and manifests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from deploy.new_service.writer import new_service, write
from shared.errors import Invalid

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    """Write it and say what to do next. Returns the exit code: 2 for a name that cannot be used."""
    if len(arguments) != 1 or not arguments[0]:
        print("usage: make new-service NAME=asset", file=sys.stderr)
        return 2
    try:
        service = new_service(arguments[0], ROOT)
    except Invalid as error:
        print(error.message, file=sys.stderr)
        return 2
    written = write(service, ROOT)
    for name in written:
        print(f"wrote {name}")
    # A name's length and its place in the alphabet change where lines break and how imports are sorted.
    _run("-m", "ruff", "check", "--quiet", "--fix", "--select", "I", *written)
    _run("-m", "ruff", "format", "--quiet", *written)
    _run("-m", "pytest", f"tests/contract/test_{service.name}_publishes.py", DESKWIRE_WRITE_SAMPLES="1")
    _run("-m", "deskwire.catalogue")
    _run("-m", "deploy.k8s")
    print(
        f"Next: say in services/{service.name}/__init__.py what it owns, then `make check`. CONTRIBUTING.md has more."
    )
    return 0


def _run(*arguments: str, **environment: str) -> None:
    paths = {"PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, *arguments], cwd=ROOT, env={**os.environ, **paths, **environment}, check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
