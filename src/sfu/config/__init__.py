"""Settings: from a TOML file and the environment to frozen objects the rest of the house uses.

::

    sfu.toml --\
                +--> merged --> shape and ranges --> references --> Settings
    SFU_... ---/     (load)       (pydantic)          (check)      (settings)

Whatever is wrong becomes one line that names file, key and reason, as a `UseError`.
"""

from sfu.config.listening import Http, Network, Rtp, Tls, Webrtc
from sfu.config.load import load
from sfu.config.media import Limits, Media
from sfu.config.people import Account, DialOut, Oidc, Register, Retention
from sfu.config.protocol import MediaEncryption, OfferedEncryption, Sip
from sfu.config.rooms import Bookings, Endpoint, Policy, Room, Rooms
from sfu.config.running import Log, LogFormat, LogLevel, Store
from sfu.config.settings import Settings
from sfu.config.sites import Distance, Ledger, Line, Site
from sfu.model import Framing, Venue

__all__ = [
    "Account",
    "Bookings",
    "DialOut",
    "Distance",
    "Endpoint",
    "Framing",
    "Http",
    "Ledger",
    "Limits",
    "Line",
    "Log",
    "LogFormat",
    "LogLevel",
    "Media",
    "MediaEncryption",
    "Network",
    "OfferedEncryption",
    "Oidc",
    "Policy",
    "Register",
    "Retention",
    "Room",
    "Rooms",
    "Rtp",
    "Settings",
    "Sip",
    "Site",
    "Store",
    "Tls",
    "Venue",
    "Webrtc",
    "load",
]
