"""`python -m deploy.k8s` writes the generated files of base/; with `--check` it only says which are out of date."""

from __future__ import annotations

import sys
from pathlib import Path

from deploy.k8s.manifests import FIXED, files
from deploy.local.folders import ROOT

BASE = Path(__file__).parent / "base"


def stale(root: Path = ROOT) -> list[str]:
    """The files of `base/` that are not as they would be written now, or should not be there."""
    base = root / BASE.relative_to(ROOT)
    wanted = files(root)
    odd = {file.name for file in base.glob("*.yaml")} - {*wanted, *FIXED}
    return sorted({*odd, *(name for name, text in wanted.items() if _read(base / name) != text)})


def main(arguments: list[str]) -> int:
    """Write them, or check them. Returns the exit code: 1 when one is out of date."""
    if "--check" in arguments:
        names = stale()
        for name in names:
            print(f"deploy/k8s/base/{name} is out of date: run python -m deploy.k8s")
        return 1 if names else 0
    for name, text in files(ROOT).items():
        (BASE / name).write_text(text, encoding="utf-8")
    return 0


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.is_file() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
