"""A look into H.264, VP8 and Opus payloads, never decoding."""
