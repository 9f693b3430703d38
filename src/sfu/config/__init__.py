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
    DialOut,
    Endpoint,
    Http,
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
from sfu.model import Framing

__all__ = [
    "Account",
    "DialOut",
    "Endpoint",
    "Framing",
    "Http",
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
    "Webrtc",
    "load",
]
