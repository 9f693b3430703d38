"""Processes of their own that decode and encode; the server sees `protocol` only."""
