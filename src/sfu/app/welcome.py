"""What a server says on the terminal when it is up, French first: where to go, whom to trust."""

import sys
from collections.abc import Sequence

from sfu.config import Settings
from sfu.signalling.sip.uri import bracket

OURSELVES = ("127.0.0.1", "::1")
SIP_PORT = 5060


def welcome(settings: Settings, hosts: Sequence[str], fingerprint: str, first: str) -> str:
    """Say where the page and the address for codecs are; `first` tells of a first administrator."""
    shown = next((host for host in hosts if host not in OURSELVES), OURSELVES[0])
    host = bracket(shown)
    port = "" if settings.sip.udp_port == SIP_PORT else f":{settings.sip.udp_port}"
    return (
        f"\n  Navigateurs / browsers   https://{host}:{settings.http.tls_port}/\n"
        f"  Visiocodecs / codecs     sip:4201@{host}{port}\n"
        f"  Certificat / certificate SHA-256 {fingerprint}\n"
        f"{first}"
    )


def demo_welcome(settings: Settings, room: str) -> str:
    """Say where the simulated members are."""
    page = f"https://127.0.0.1:{settings.http.tls_port}/?room={room}"
    return f"  Démonstration / demo     {page}\n"


def demo_command(settings: Settings, room: str) -> list[str]:
    """Give the command that runs the simulated members."""
    url = f"ws://127.0.0.1:{settings.http.local_port}/ws"
    return [sys.executable, "-m", "sfu.probe", url, room]
