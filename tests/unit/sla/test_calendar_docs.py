from __future__ import annotations

import re
from pathlib import Path

from services.sla.domain.policy import Agreements
from services.sla.settings import parse_agreements
from shared.packed import pack, unpack

PAGE = Path(__file__).parents[3] / "docs" / "sla.md"
POLICIES = "policies:\n" + "".join(
    f"  P{number}: {{name: a, calendar: sun, response: 1h, resolution: 4h}}\n" for number in range(1, 5)
)


def test_the_example_of_the_page_is_read(tmp_path: Path) -> None:
    found = re.search(r"```yaml\n(calendars:.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    (tmp_path / "works-council.ics").write_text("BEGIN:VCALENDAR\nVERSION:2.0\nEND:VCALENDAR\n", encoding="utf-8")
    agreements = parse_agreements(found[1] + POLICIES, name="page", folder=tmp_path)
    assert [len(agreements.calendars[name].versions) for name in ("always", "berlin", "sun")] == [0, 1, 0]
    assert unpack(Agreements, pack(agreements)).edition == agreements.edition
