"""Turns of a SIPp scenario that come again and again, put together in Python.

They are words of `unit_call` and `called`: @THEN@, @END@, @ANSWERS@.
"""

DIALOG = """Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[routes]
From: "@NAME@" <sip:salle@[local_ip]:[local_port]>;tag=[pid]s[call_number]
To: <sip:@ROOM@@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
Contact: <sip:salle@[local_ip]:[local_port]>
Max-Forwards: 70"""
"""Headers of a request in the call of `unit_call`; the CSeq of its BYE is 900."""
CUE = '<recv request="MESSAGE"/>\n'


def asks(method: str, cseq: int, extra: str = "", body: str = "") -> str:
    """Send a request in the call."""
    more = f"{extra}\n" if extra else ""
    retransmitted = "" if method == "ACK" else ' retrans="500"'
    return f"""<send{retransmitted}>
<![CDATA[
{method} [next_url] SIP/2.0
{DIALOG}
CSeq: {cseq} {method}
{more}Content-Length: [len]

{body}]]>
</send>
"""


def hears(status: int, check: str = "") -> str:
    """Wait for a response; `check` is a pattern some header line must have."""
    return f'<recv response="{status}">{_check(check)}</recv>\n'


def is_asked(method: str, check: str = "", optional: bool = False) -> str:
    """Wait for a request."""
    more = ' optional="true"' if optional else ""
    return f'<recv request="{method}"{more}>{_check(check)}</recv>\n'


def answers(status: int, extra: str = "", body: str = "", to: str = "[last_To:]") -> str:
    """Answer the request that came last."""
    more = f"{extra}\n" if extra else ""
    return f"""<send>
<![CDATA[
SIP/2.0 {status} Said
[last_Via:]
[last_From:]
{to}
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:salle@[local_ip]:[local_port]>
{more}Content-Length: [len]

{body}]]>
</send>
"""


def answers_invite(status: int, extra: str = "", body: str = "", to: str = "[last_To:]") -> str:
    """Answer the INVITE `called` began with, though other requests came since."""
    more = f"{extra}\n" if extra else ""
    return f"""<send>
<![CDATA[
SIP/2.0 {status} Said
Via:[$via]
[last_From:]
{to}
[last_Call-ID:]
CSeq:[$cseq]
Contact: <sip:salle@[local_ip]:[local_port]>
{more}Content-Length: [len]

{body}]]>
</send>
"""


def pause(seconds: float) -> str:
    """Wait."""
    return f'<pause milliseconds="{round(seconds * 1000)}"/>\n'


def described(version: int = 1) -> str:
    """Return the session description of `unit_call`."""
    return f"""v=0
o=salle 1 {version} IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
b=AS:1024
t=0 0
m=audio @AUDIO@ RTP/AVP 9 8
a=rtpmap:9 G722/8000
a=rtpmap:8 PCMA/8000
a=sendrecv
m=video @VIDEO@ RTP/AVP @FORMATS@
@MAPS@
a=rtcp-fb:* nack pli
a=sendrecv
"""


SDP = "Content-Type: application/sdp"


def _check(pattern: str) -> str:
    if not pattern:
        return ""
    return (
        f'<action><ereg regexp="{pattern}" search_in="msg" check_it="true" assign_to="1"/>'
        '<log message="[$1]"/></action>'
    )
