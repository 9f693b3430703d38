"""Session descriptions that lose no line, RFC 8866, and their offers and answers."""
