"""Why a call ends, between SIP statuses, H.225.0 reasons and Q.850 causes."""

from sfu.signalling.call import End
from sfu.signalling.h323.h225 import Release

_BY_STATUS = {
    404: Release.CALLED_PARTY_NOT_REGISTERED,
    484: Release.BAD_FORMAT_ADDRESS,
    486: Release.ADAPTIVE_BUSY,
    600: Release.ADAPTIVE_BUSY,
    401: Release.SECURITY_DENIED,
    407: Release.SECURITY_DENIED,
    403: Release.SECURITY_DENIED,
    603: Release.DESTINATION_REJECTION,
    488: Release.DESTINATION_REJECTION,
    606: Release.NO_BANDWIDTH,
    480: Release.UNREACHABLE_DESTINATION,
    503: Release.GATEKEEPER_RESOURCES,
}
CAUSES = {
    Release.NO_BANDWIDTH: 34,
    Release.GATEKEEPER_RESOURCES: 47,
    Release.UNREACHABLE_DESTINATION: 3,
    Release.DESTINATION_REJECTION: 21,
    Release.NO_PERMISSION: 21,
    Release.BAD_FORMAT_ADDRESS: 28,
    Release.ADAPTIVE_BUSY: 17,
    Release.IN_CONF: 17,
    Release.UNDEFINED_REASON: 31,
    Release.SECURITY_DENIED: 21,
    Release.CALLED_PARTY_NOT_REGISTERED: 1,
    Release.CALLER_NOT_REGISTERED: 21,
}
"""Table 5 of H.225.0: the Q.850 cause that stands beside a reason."""
NORMAL = 16


def release_of(status: int) -> Release:
    """Return the reason for a SIP status."""
    return _BY_STATUS.get(status, Release.UNDEFINED_REASON)


def end_of(reason: str | None, cause: int, *, answered: bool) -> End:
    """Return how a call record spells what the peer said."""
    if answered:
        return End.HUNG_UP
    if reason in (Release.ADAPTIVE_BUSY, Release.IN_CONF) or cause == 17:
        return End.BUSY
    if reason in (Release.UNREACHABLE_DESTINATION, Release.CALLED_PARTY_NOT_REGISTERED):
        return End.UNREACHABLE
    if cause in (1, 3, 20, 27, 38):
        return End.UNREACHABLE
    if cause in (18, 19, 102):
        return End.NO_ANSWER
    return End.REFUSED
