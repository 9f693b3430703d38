import pytest

from sfu.metrics.maker import EVERY_MAKER, maker_of


@pytest.mark.parametrize(
    ("model", "maker"),
    [
        ("PolycomRealPresenceGroup500/6.2.2", "polycom"),
        ("TANDBERG/518 (TC7.3.6)", "tandberg"),
        ("Cisco-TelePresence", "cisco"),
        ("Mozilla/5.0 (X11; Linux) AppleWebKit/537 (KHTML) Chrome/120 Safari/537", "chromium"),
        ("Mozilla/5.0 (X11; Linux; rv:128.0) Gecko/20100101 Firefox/128.0", "firefox"),
        ("Mozilla/5.0 (Macintosh) AppleWebKit/605 (KHTML) Version/17 Safari/605", "safari"),
        ("baresip v1.0.0 (x86_64/linux)", "baresip"),
        ("", "other"),
        ("one nobody has heard of \ud800", "other"),
    ],
)
def test_a_device_is_known_by_its_maker(model, maker):
    assert maker_of(model) == maker
    assert maker in EVERY_MAKER
