"""Sound put together: jitter buffer, sums, levels, concealment."""
