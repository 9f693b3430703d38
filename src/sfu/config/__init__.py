"""Settings: from a TOML file and the environment to frozen objects the rest of the house uses.

::

    sfu.toml --\
                +--> merged --> shape and ranges --> references --> Settings
    SFU_... ---/     (load)       (pydantic)          (check)      (settings)

Whatever is wrong becomes one line that names file, key and reason, as a `UseError`.
"""

from sfu.config.load import load
from sfu.config.settings import (
    Account,
    Bookings,
    DialOut,
    Distance,
    Endpoint,
    Http,
    Ledger,
    Limits,
    Line,
    Log,
    LogFormat,
    LogLevel,
    Media,
    MediaEncryption,
    Network,
    OfferedEncryption,
    Oidc,
    Policy,
    Register,
    Retention,
    Room,
    Rooms,
    Rtp,
    Settings,
    Sip,
    Site,
    Store,
    Tls,
    Webrtc,
)
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
