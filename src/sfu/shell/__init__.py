"""Where we wait: sockets, timers, processes, the database.  The only home of asyncio beside `api`."""
