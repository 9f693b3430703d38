"""How a peer is reached and trusted: STUN, ICE-lite, DTLS, SDES."""
