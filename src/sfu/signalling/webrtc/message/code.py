"""Why something asked is not done, and why a browser is no longer there, in codes and English."""

from enum import StrEnum


class RefusalCode(StrEnum):
    """Why something asked is not done; docs/protocol.md and the page hold the words."""

    UNKNOWN_ROOM = "unknown_room"
    PIN_REQUIRED = "pin_required"
    WRONG_PIN = "wrong_pin"
    INVITATION_REQUIRED = "invitation_required"
    TOO_MANY_TRIES = "too_many_tries"
    ROOM_FULL = "room_full"
    LINE_FULL = "line_full"
    NAME_MISSING = "name_missing"
    NOT_ADMITTED = "not_admitted"
    NOT_ALLOWED = "not_allowed"
    SERVER_STOPPING = "server_stopping"
    BAD_MESSAGE = "bad_message"
    UNSUPPORTED = "unsupported"

    @property
    def words(self) -> str:
        """Say it in English, for clients that have no words of their own."""
        return _REFUSALS[self]

    @property
    def final(self) -> bool:
        """Tell whether the server closes the connection after saying so."""
        return self in _FINAL


_FINAL = (RefusalCode.TOO_MANY_TRIES, RefusalCode.SERVER_STOPPING, RefusalCode.NOT_ADMITTED)


class EndCode(StrEnum):
    """Why a browser is no longer in the room."""

    LEFT = "left"
    REMOVED = "removed"
    REPLACED = "replaced"
    MEDIA_FAILED = "media_failed"
    SERVER_STOPPING = "server_stopping"

    @property
    def words(self) -> str:
        """Say it in English."""
        return _ENDS[self]


_REFUSALS = {
    RefusalCode.UNKNOWN_ROOM: "There is no room with this number.",
    RefusalCode.PIN_REQUIRED: "This room asks for a PIN.",
    RefusalCode.WRONG_PIN: "That is not the PIN of this room.",
    RefusalCode.INVITATION_REQUIRED: "This room opens by an invitation link.",
    RefusalCode.TOO_MANY_TRIES: "Too many tries. Wait a minute.",
    RefusalCode.ROOM_FULL: "The room is full.",
    RefusalCode.LINE_FULL: "The line has no room for this call.",
    RefusalCode.NAME_MISSING: "Give a name.",
    RefusalCode.NOT_ADMITTED: "You were not let in.",
    RefusalCode.NOT_ALLOWED: "This is not allowed from here.",
    RefusalCode.SERVER_STOPPING: "The server is stopping.",
    RefusalCode.BAD_MESSAGE: "The server did not understand the page.",
    RefusalCode.UNSUPPORTED: "This browser cannot take part.",
}

_ENDS = {
    EndCode.LEFT: "You have left.",
    EndCode.REMOVED: "You were removed from the room.",
    EndCode.REPLACED: "You are in this room from another window.",
    EndCode.MEDIA_FAILED: "Picture and sound could not reach the server.",
    EndCode.SERVER_STOPPING: "The server is stopping.",
}
