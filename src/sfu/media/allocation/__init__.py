"""What a site's line bears, and who gets how much of it; see docs/line.md."""
