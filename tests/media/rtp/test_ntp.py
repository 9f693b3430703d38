import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.media.rtp import ntp


def test_rfc_868_knows_where_1970_stands():
    assert ntp.from_unix(0) == 2_208_988_800 << 32


@given(st.floats(0, 2_000_000_000))
def test_unix_time_survives(seconds):
    assert ntp.to_unix(ntp.from_unix(seconds)) == pytest.approx(seconds, abs=2e-6)


def test_the_middle_is_what_lsr_wants():
    assert ntp.middle(0xB44DB705_20000000) == 0xB7052000  # the example of RFC 3550 figure 2


@given(st.floats(-10_000, 10_000))
def test_durations_may_be_negative_when_read(seconds):
    wrapped = round(seconds * 65536) & 0xFFFFFFFF
    assert ntp.to_seconds(wrapped) == pytest.approx(seconds, abs=1e-5)


def test_durations_are_capped_when_written():
    assert ntp.from_seconds(-1) == 0
    assert ntp.from_seconds(1e9) == 0xFFFFFFFF
    assert ntp.from_seconds(5.25) == 0x54000
