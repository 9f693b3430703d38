import pytest

from sfu.errors import PeerError
from sfu.model import Codec
from sfu.signalling.sdp.session import parse
from sfu.signalling.webrtc.offer import ExtensionIds, Role, read_browser_offer
from tests.signalling.webrtc.browsers import NAMES, offered, session

PAGE = ["microphone 0", "camera 0", "wide 0", "wide 1", "wide 2", "narrow 0", "narrow 1",
        "narrow 2", "mix 0", "tile 0", "tile 1"]  # fmt: skip


def parts(offer) -> list[str]:
    return [f"{line.role} {line.place}" for line in offer.lines]


def changed(name: str, *pairs: tuple[bytes, bytes]):
    data = offered(name)
    for old, new in pairs:
        assert old in data
        data = data.replace(old, new)
    return parse(data)


def test_order_and_direction_give_each_line_its_part():
    assert parts(read_browser_offer(session("chromium_page"))) == PAGE
    assert parts(read_browser_offer(session("chromium_bundle"))) == PAGE


@pytest.mark.parametrize("name", ["firefox_like", "safari_like"])
def test_other_browsers_are_read_alike(name):
    offer = read_browser_offer(session(name))
    assert parts(offer) == ["microphone 0", "camera 0", "wide 0", "tile 0"]


def test_a_later_offer_keeps_parts_and_places_by_mid():
    before = read_browser_offer(session("chromium_page"))
    after = read_browser_offer(session("chromium_reoffer"), before.parts)
    assert parts(after) == [*PAGE[:9], "refused 0", "tile 1", "tile 0"]
    assert after.of(Role.CAMERA)[0].sends is False
    assert after.ice_ufrag != before.ice_ufrag


def test_a_mid_that_returns_with_another_kind_of_media_is_refused():
    before = {"0": (Role.CAMERA, 0), "1": (Role.MICROPHONE, 0)}
    with pytest.raises(PeerError):
        read_browser_offer(session("chromium_simple"), before)


def test_a_line_that_neither_sends_nor_receives_waits_for_its_part():
    offer = read_browser_offer(session("chromium_reoffer"))
    assert parts(offer)[1] == "idle 0"
    assert "1" not in offer.parts


def test_lines_beyond_the_places_are_refused():
    text = offered("firefox_like").decode()
    head, _, rest = text.partition("m=audio")
    sound = "m=audio" + rest.split("m=video")[0]
    mids = [str(n) for n in range(10)]
    body = "".join(
        sound.replace("a=mid:0", f"a=mid:{mid}").replace("a=sendonly", "a=recvonly") for mid in mids
    )
    made = parse(head.replace("BUNDLE 0 1 2 3", "BUNDLE " + " ".join(mids)) + body)
    roles = [line.role for line in read_browser_offer(made).lines]
    assert roles == [Role.WIDE] * 3 + [Role.NARROW] * 3 + [Role.MIX] + [Role.REFUSED] * 3


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("chromium_page", [(108, 109), (114, 115), (96, 97)]),
        ("firefox_like", [(126, 127), (97, 98), (120, 124)]),
        ("safari_like", [(98, 99), (100, 101), (104, 105)]),
    ],
)
def test_of_pictures_h264_in_both_modes_and_vp8_are_taken_each_with_rtx(name, numbers):
    (camera,) = read_browser_offer(session(name)).of(Role.CAMERA)
    assert [(one.form.pt, one.rtx) for one in camera.payloads] == numbers
    assert [one.codec for one in camera.payloads] == [Codec.H264, Codec.H264, Codec.VP8]


def test_the_places_of_narrow_sound_have_the_other_clock():
    line = read_browser_offer(session("chromium_page")).of(Role.NARROW)[0]
    assert [one.form.pt for one in line.payloads] == [9, 8, 0]


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("chromium_page", ExtensionIds(4, 10, 11, 1, 3, 2)),
        ("firefox_like", ExtensionIds(mid=3, audio_level=1, transport_cc=7, abs_send_time=4)),
        ("safari_like", ExtensionIds(4, 10, 11, 1, 3, 2)),
    ],
)
def test_the_header_extensions_we_know_are_found(name, ids):
    assert read_browser_offer(session(name)).extensions == ids


def test_an_id_with_two_meanings_keeps_the_first():
    made = changed("firefox_like", (b"a=extmap:4 ", b"a=extmap:3 "))
    assert read_browser_offer(made).extensions.abs_send_time == 0


def test_the_streams_the_browser_tells_of_are_known():
    offer = read_browser_offer(session("firefox_like"))
    assert [(line.ssrc, line.rtx_ssrc) for line in offer.lines] == [
        (1000, None), (2010, 2011), (None, None), (None, None),
    ]  # fmt: skip


def test_simulcast_tells_layers_instead_of_streams():
    (camera,) = read_browser_offer(session("chromium_simulcast")).of(Role.CAMERA)
    assert (camera.rids, camera.ssrc) == (("l", "m", "h"), None)


def test_a_fingerprint_of_the_session_counts_for_every_line():
    (fingerprint,) = read_browser_offer(session("firefox_like")).fingerprints
    assert fingerprint.algorithm == "sha-256"


@pytest.mark.parametrize(
    "pairs",
    [
        [(b"a=group:BUNDLE", b"a=group:X")],
        [(b"a=rtcp-mux\r\n", b"")],
        [(b"a=setup:actpass", b"a=setup:holdconn")],
        [(b"a=ice-ufrag:0a1b2c3d\r\n", b"")],
        [(b"a=ice-pwd:0123456789abcdef0123456789abcdef", b"a=ice-pwd:short")],
        [(b"a=fingerprint:", b"a=x:")],
        [(b"a=mid:1\r\n", b"a=mid:0\r\n")],
        [(b"UDP/TLS/RTP/SAVPF", b"RTP/AVPF")],
    ],
)
def test_what_cannot_be_answered_is_the_peers_error(pairs):
    with pytest.raises(PeerError):
        read_browser_offer(changed("firefox_like", *pairs))


@pytest.mark.parametrize("name", NAMES)
def test_every_line_of_a_browser_is_kept_in_order(name):
    assert bytes(session(name)) == offered(name)
