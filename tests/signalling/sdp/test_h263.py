from sfu.signalling.sdp.format import formats_of
from sfu.signalling.sdp.h263 import h263_limits_of
from tests.signalling.sdp.shapes import description, session


def limits(name: str, pt: int):
    found = formats_of(session(name).media[1])
    return h263_limits_of(next(form for form in found if form.pt == pt))


def test_huawei_counts_its_own_size_in_four_pixels():
    found = limits("huawei_hd9030", 34)
    assert (352, 240, 1) in found.sizes
    assert found.max_bps == 1_856_000


def test_maxbr_counts_hundred_bits():
    assert limits("tandberg_mxp", 34).max_bps == 704_000


def test_custom_sizes_may_repeat_and_keys_come_in_any_case():
    assert limits("tandberg_c20", 96).sizes == (
        (1024, 768, 4), (800, 600, 2), (704, 576, 1), (352, 288, 1), (176, 144, 1),
    )  # fmt: skip
    assert (352, 240, 1) in limits("polycom_hdx", 96).sizes


def test_without_sizes_it_is_qcif():
    form = formats_of(description("m=video 1 RTP/AVP 34\na=fmtp:34 CUSTOM=1;CIF=99;F\n").media[0])[
        0
    ]
    assert h263_limits_of(form).sizes == ((176, 144, 1),)
