"""RTP and RTCP (RFC 3550) and what hangs on them: header extensions, feedback, NTP times."""
