from hypothesis import given
from hypothesis import strategies as st

from sfu.media.payload.bits import Bits


@given(st.binary(max_size=12), st.integers(0, 100), st.integers(1, 32))
def test_bits_are_those_of_the_number_written_out(data, place, count):
    written = "".join(f"{byte:08b}" for byte in data)
    expected = int(written[place : place + count], 2) if place + count <= len(written) else None
    assert Bits(data).at(place, count) == expected
