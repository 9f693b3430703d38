"""What a browser says over its WebSocket, and the answers to its offers."""
