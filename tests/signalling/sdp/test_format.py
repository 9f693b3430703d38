from sfu.model import Codec
from sfu.signalling.sdp.format import formats_of, rtpmap
from tests.signalling.sdp.shapes import description, session


def forms(text: str):
    return formats_of(description(text).media[0])


def test_numbers_keep_the_order_of_the_m_line():
    assert [form.pt for form in formats_of(session("polycom_hdx").media[0])] == [
        115, 102, 9, 15, 0, 8, 18,
    ]  # fmt: skip


def test_static_numbers_need_no_rtpmap():
    assert [form.codec for form in forms("m=audio 1 RTP/AVP 0 8 9 13 18\n")] == [
        Codec.PCMU, Codec.PCMA, Codec.G722, Codec.CN, None,
    ]  # fmt: skip


def test_fmtp_may_come_before_rtpmap():
    (form,) = forms("m=video 1 RTP/AVP 96\na=fmtp:96 max-fs=9\na=rtpmap:96 H264/90000\n")
    assert form.codec is Codec.H264
    assert form.number("max-fs") == 9


def test_of_a_number_mapped_twice_the_known_encoding_counts():
    text = "m=video 1 RTP/AVP 96\na=rtpmap:96 X-SVC/90000\na=rtpmap:96 H264/90000\n"
    assert forms(text)[0].codec is Codec.H264
    swapped = "m=video 1 RTP/AVP 96\na=rtpmap:96 H264/90000\na=rtpmap:96 X-SVC/90000\n"
    assert forms(swapped)[0].codec is Codec.H264


def test_an_aver_number_mapped_twice_to_unknown_encodings_is_ignored():
    form = formats_of(session("aver_evc130").media[1])[0]
    assert (form.pt, form.codec) == (109, None)


def test_one_number_in_two_lines_has_two_meanings():
    audio, video = session("baresip_1_0_0").media
    assert {form.pt: form.codec for form in formats_of(audio)}[96] is Codec.OPUS
    assert {form.pt: form.codec for form in formats_of(video)}[96] is Codec.H264


def test_parameters_are_parted_by_semicolons_or_blanks():
    h263 = formats_of(session("huawei_hd9030").media[1])[1]
    assert (h263.get("xmax"), h263.get("maxbr")) == ("88", "18560")
    (form,) = forms("m=video 1 RTP/AVP 96\na=fmtp:96 Max-FS=3 ;max-br = 4;  flag;;\n")
    assert form.parameters == (("max-fs", "3"), ("max-br", "4"), ("flag", ""))


def test_stereo_g711_and_mono_opus_are_not_ours():
    assert forms("m=audio 1 RTP/AVP 0\na=rtpmap:0 PCMU/8000/2\n")[0].codec is None
    assert forms("m=audio 1 RTP/AVP 9\na=rtpmap:9 G722/8000/1\n")[0].codec is Codec.G722


def test_formats_that_are_no_numbers_are_left_out():
    assert forms("m=audio 1 RTP/AVP 0 * 200 -1 0\n") == forms("m=audio 1 RTP/AVP 0\n")


def test_numbers_beyond_reason_are_no_numbers():
    (form,) = forms("m=video 1 RTP/AVP 96\na=fmtp:96 max-fs=99999999999999;max-br=x;a=-1\n")
    assert form.number("max-fs") is form.number("max-br") is form.number("a") is None


def test_our_rtpmaps_are_spelled_as_registered():
    assert rtpmap(Codec.OPUS, 111) == "a=rtpmap:111 opus/48000/2"
    assert rtpmap(Codec.G722, 9) == "a=rtpmap:9 G722/8000"
    assert rtpmap(Codec.TELEPHONE_EVENT, 110, 48000) == "a=rtpmap:110 telephone-event/48000"
