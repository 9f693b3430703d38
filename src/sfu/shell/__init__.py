"""Where we wait: sockets, timers, processes, the database.  Asyncio lives here and in `api`."""
