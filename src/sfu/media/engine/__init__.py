"""What the server says to the native engine and hears from it, and the reference of its C."""
