"""How a meeting is asked for: SIP, SDP, browser messages.  Pure."""
