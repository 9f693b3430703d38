"""How a path and its keys come to be: STUN, ICE as a lite agent, DTLS-SRTP, SDES."""
