"""Times of the client are read as the desk reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire_client import instants
from shared.clock import parse_instant
from shared.errors import Invalid

parts = st.tuples(
    st.sampled_from(["2026-11-27", "2016-12-31", "2017-01-01", "0001-01-01", "9999-12-31", "2026-02-29", "2026-W48-5"]),
    st.sampled_from(["T", "t", " ", "", "_"]),
    st.sampled_from(["10:00:00", "23:59:60", "00:59:60", "24:00:00", "10:00", "100000"]),
    st.sampled_from(["", ".", ".5", ".123456789", ",5"]),
    st.sampled_from(["Z", "z", "", "+01:00", "-00:00", "+23:59", "+24:00", "+0100"]),
)


@given(parts.map("".join) | st.text("0123456789-:TZ.+ ", max_size=30))
def test_the_client_reads_exactly_the_times_that_the_desk_reads(text: str) -> None:
    try:
        known = parse_instant(text)
    except Invalid:
        with pytest.raises(ValueError):
            instants.parse(text)
    else:
        assert instants.parse(text) == known
