"""The process in a site's namespace: `join HOST ROOM` and `end FILE` by standard input."""

import asyncio
import json
import sys
from pathlib import Path

from benchmarks.line.simulated.client import Member


async def main(site: int, folder: Path, loud: bool) -> None:
    """Do as the benchmark says, line by line."""
    member = Member(site, folder, loud=loud)
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        match line.split():
            case ["join", host, room]:
                await member.join(host, room)
                print("joined", flush=True)
            case ["end", path]:
                Path(path).write_text(json.dumps(await member.end()))
                print("ended", flush=True)
                return


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:] == ["loud"]))
