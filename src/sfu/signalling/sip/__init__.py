"""SIP of our own, RFC 3261: bytes, events and `now` in, bytes and events out."""
