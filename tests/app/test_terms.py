from dataclasses import replace
from ipaddress import ip_network

from sfu.app.terms import hooks_of, marks_of, policy_of, realm_of, sip_rates, sip_settings
from sfu.config import Account, Media, Register, Settings, Sip
from sfu.config.media import Marks
from sfu.config.running import Webhook

SETTINGS = Settings()


def test_passwords_are_asked_for_in_the_name_of_the_domain():
    assert realm_of(SETTINGS) == "sfu"
    assert realm_of(replace(SETTINGS, sip=Sip(domain="jura.example"))) == "jura.example"


def test_who_may_register_is_told_by_accounts_and_networks():
    inside = (ip_network("192.0.2.0/24"),)
    told = sip_settings(
        replace(
            SETTINGS,
            account=(Account(user="morez", password="pw"),),
            register=Register(networks=inside),
        )
    )
    assert (told.accounts, told.networks) == ({"morez": "pw"}, inside)


def test_what_one_address_may_ask_is_what_was_set():
    rates = sip_rates(replace(SETTINGS, sip=Sip(messages_per_s=7, wrong_passwords_per_min=3)))
    assert (rates.messages_per_s, rates.wrong_passwords_per_min) == (7, 3)


def test_a_picture_of_so_many_bits_needs_its_headers_too():
    policy = policy_of(replace(SETTINGS, media=Media(video_bps=1_000_000)))
    assert (policy.video_as_kbps, policy.session_as_kbps) == (1037, 1173)


def test_marks_and_webhooks_are_handed_on():
    told = marks_of(replace(SETTINGS, marks=Marks(sound=40, picture=32)))
    assert (told.sound, told.picture) == (40, 32)
    hook = Webhook(
        name="ledger", url="https://192.0.2.9/", secret="letters", events=("call_ended",)
    )
    (made,) = hooks_of(replace(SETTINGS, webhook=(hook,)))
    assert (made.name, made.kinds) == ("ledger", frozenset({"call_ended"}))
