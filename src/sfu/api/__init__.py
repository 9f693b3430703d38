"""What operators and browsers reach over HTTP and WebSocket."""
