"""How media moves: RTP, SRTP parameters, the engine and who is routed to whom.  Pure."""
