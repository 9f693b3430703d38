"""Who is with whom: a room, its members, its speaker.  Pure."""
