"""What a browser and the server say to each other: one JSON object per WebSocket text message.

::

    browser                                          server
      |-- join {room, name} --------------------------->|
      |<-- joined {member, resume}, layout {pictures} --|
      |-- offer {sdp} --------------------------------->|   the browser always offers
      |<-- answer {sdp} --------------------------------|
      |<-- members, slots, send, speaker, notice -------|   each states what holds now
      |-- state {microphone, camera} ------------------>|
      |-- leave --------------------------------------->|

The page docs/protocol.md is the law; unknown fields are ignored both ways, so that a newer side
may say more.
"""

from sfu.signalling.webrtc.message.client import (
    NAME_MAX,
    SDP_MAX,
    TEXT_MAX,
    Admit,
    ClientMessage,
    Hold,
    Join,
    LayerState,
    Leave,
    Moderation,
    Mute,
    Offer,
    Path,
    Ping,
    Remove,
    Sound,
    State,
    TurnAway,
    parse,
)
from sfu.signalling.webrtc.message.code import EndCode, RefusalCode
from sfu.signalling.webrtc.message.server import (
    Answer,
    Camera,
    CameraLayer,
    Door,
    Ended,
    IceServer,
    Joined,
    Layout,
    MemberRow,
    Members,
    Microphone,
    Notice,
    Picture,
    Pictures,
    PictureState,
    Pong,
    Refused,
    Send,
    ServerMessage,
    Slots,
    Speaker,
    Visitor,
    Waiting,
    dump,
    ended,
    line_full,
    refused,
)

__all__ = [
    "NAME_MAX",
    "SDP_MAX",
    "TEXT_MAX",
    "Admit",
    "Answer",
    "Camera",
    "CameraLayer",
    "ClientMessage",
    "Door",
    "EndCode",
    "Ended",
    "Hold",
    "IceServer",
    "Join",
    "Joined",
    "LayerState",
    "Layout",
    "Leave",
    "MemberRow",
    "Members",
    "Microphone",
    "Moderation",
    "Mute",
    "Notice",
    "Offer",
    "Path",
    "Picture",
    "PictureState",
    "Pictures",
    "Ping",
    "Pong",
    "RefusalCode",
    "Refused",
    "Remove",
    "Send",
    "ServerMessage",
    "Slots",
    "Sound",
    "Speaker",
    "State",
    "TurnAway",
    "Visitor",
    "Waiting",
    "dump",
    "ended",
    "line_full",
    "parse",
    "refused",
]
