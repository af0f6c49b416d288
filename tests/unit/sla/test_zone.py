from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.sla.domain.zone import offsets, wall_clock, zone_database, zone_names
from shared.errors import Invalid
from tests.unit.sla.slow_model import zone_info

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("year", [1916, 1945, 1972, 2011, 2018, 2026, 2037, 2038, 2080])
def test_every_zone_has_the_offsets_that_python_reads_from_the_same_file(year: int) -> None:
    for name in zone_names():
        info = zone_info(name)
        for begins, ends, offset in offsets(name, year):
            middle = begins + (ends - begins) / 2
            for at in (begins, middle, ends - SECOND):
                assert at.astimezone(info).utcoffset() == offset, (name, at)


@pytest.mark.parametrize(
    "name",
    [
        "Africa/Casablanca",
        "America/Nuuk",
        "America/Sao_Paulo",
        "America/St_Johns",
        "Asia/Gaza",
        "Australia/Lord_Howe",
        "Europe/Berlin",
        "Europe/Dublin",
        "Pacific/Apia",
    ],
)
@pytest.mark.parametrize("year", [2010, 2011, 2026, 2043])
def test_no_change_within_a_year_is_missed(name: str, year: int) -> None:
    info = zone_info(name)
    stretches = iter(offsets(name, year))
    begins, ends, offset = next(stretches)
    at = datetime(year, 1, 1, tzinfo=UTC)
    while at.year == year:
        if at >= ends:
            begins, ends, offset = next(stretches)
        assert begins <= at
        assert at.astimezone(info).utcoffset() == offset, at
        at += HOUR / 2
    assert ends == at


def test_an_unknown_zone_is_refused() -> None:
    for name in ("Mars/Base", "../zones", "", "Europe"):
        with pytest.raises(Invalid) as error:
            offsets(name, 2026)
        assert error.value.slug == "unknown-zone"


def test_the_edition_of_the_database_is_known() -> None:
    assert zone_database()[:4].isdigit()


def test_the_wall_clock_shows_an_hour_twice() -> None:
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    shown = [wall_clock("Europe/Berlin", at).isoformat(timespec="minutes") for at in (first, first + HOUR)]
    assert shown == ["2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00"]
