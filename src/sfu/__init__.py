"""A conference server for rooms behind thin lines: SIP room codecs and browsers in one meeting."""
