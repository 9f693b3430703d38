from sfu.signalling.sdp.format import formats_of
from sfu.signalling.sdp.h263 import h263_limits_of, own_fmtp, shared_size
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


def form(fmtp: str):
    return formats_of(description(f"m=video 1 RTP/AVP 34\na=fmtp:34 {fmtp}\n").media[0])[0]


def test_one_size_is_answered_cif_where_it_is_offered():
    assert shared_size(form("CIF4=1;CIF=2;QCIF=1")) == (352, 288, 2)
    assert shared_size(form("qcif=3 cif4=1")) == (176, 144, 3)
    assert shared_size(form("CUSTOM=800,600,2")) == (176, 144, 1)


def test_the_answer_names_it_and_a_rate_where_one_came_and_no_annex():
    assert own_fmtp(form("CIF4=1;CIF=2;QCIF=1;F;J;T"), max_br_kbps=1_350) == "CIF=2"
    assert own_fmtp(form("QCIF=1;maxbr=19000"), max_br_kbps=1_350) == "QCIF=1;MAXBR=13500"
    assert own_fmtp(form("CIF=1 MAXBR=3840"), max_br_kbps=1_350) == "CIF=1;MAXBR=3840"
