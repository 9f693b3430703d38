"""What the settings mean to those who go by them, in their own words."""

from sfu.app.addresses import public_host
from sfu.app.trunks import trunk_settings
from sfu.config import MediaEncryption, Settings
from sfu.media.connect.turn import TurnServer
from sfu.media.engine.command import SetMarks
from sfu.shell.certificate import Certificate
from sfu.shell.h323 import Place
from sfu.shell.sip import Listening
from sfu.shell.webhooks import Webhook
from sfu.signalling.sdp.local import Policy
from sfu.signalling.sip.limit import Rates
from sfu.signalling.sip.settings import SipSettings

REALM = "sfu"
"""Realm of passwords where no domain is configured."""
HEADER_SHARE = 1.037
"""b=AS counts IP, UDP and RTP headers: 40 bytes on 1,100."""
AUDIO_AS_KBPS = 136
"""Room for sound and RTCP under the session's b=AS."""


def realm_of(settings: Settings) -> str:
    """Give the realm of passwords."""
    return settings.sip.domain or REALM


def sip_settings(settings: Settings) -> SipSettings:
    """Turn configuration into what the SIP core is told."""
    return SipSettings(
        realm=realm_of(settings),
        domain=settings.sip.domain,
        accounts={one.user: one.password for one in settings.account},
        networks=settings.register.networks,
        trunks=trunk_settings(settings),
        max_calls=settings.limits.max_calls,
    )


def sip_rates(settings: Settings) -> Rates:
    """Turn configuration into what one address may ask."""
    return Rates(
        settings.sip.messages_per_s,
        settings.sip.calls_per_min,
        settings.sip.wrong_passwords_per_min,
        settings.sip.strangers_per_s,
        settings.known_networks(),
    )


def listening_of(settings: Settings, hosts: list[str], certificate: Certificate) -> Listening:
    """Say where SIP is heard."""
    sip = settings.sip
    return Listening(
        tuple(hosts), sip.udp_port, sip.tls_port, certificate.chain, certificate.key,
        public_host(settings), tcp_port=sip.tcp_port,
    )  # fmt: skip


def place_of(settings: Settings, hosts: list[str]) -> Place:
    """Say where H.323 is heard."""
    h323 = settings.h323
    return Place(
        tuple(hosts), h323.port, h323.h245_range, public_host(settings), h323.tunnelling,
        settings.gatekeeper.prefixes,
    )  # fmt: skip


def turn_of(settings: Settings) -> TurnServer | None:
    """Say by which relay browsers may go, None for none."""
    turn = settings.turn
    return TurnServer(turn.urls, turn.secret, turn.lifetime_s) if turn.urls else None


def marks_of(settings: Settings) -> SetMarks:
    """Say how packets are marked."""
    marks = settings.marks
    return SetMarks(marks.sound, marks.picture, marks.slides, marks.other)


def hooks_of(settings: Settings) -> list[Webhook]:
    """Say who is told what happens."""
    return [
        Webhook(one.name, one.url, one.secret, frozenset(one.events)) for one in settings.webhook
    ]


def policy_of(settings: Settings) -> Policy:
    """Turn what is asked of senders into the words of session descriptions."""
    as_kbps = round(settings.media.video_bps * HEADER_SHARE / 1_000)
    return Policy(
        session_as_kbps=as_kbps + AUDIO_AS_KBPS,
        video_as_kbps=as_kbps,
        max_fs=settings.media.video_fs,
        secure=settings.sip.media_encryption is MediaEncryption.REQUIRED,
    )
