"""Who sends too much waits in its own buffers; once it is closing nothing begins again."""

import asyncio

from sfu.shell.paced import Paced


class Pipe(asyncio.Transport):
    """A transport that only remembers."""

    def __init__(self) -> None:
        super().__init__()
        self.reads, self.closed = True, False

    def pause_reading(self) -> None:
        assert not self.closed
        self.reads = False

    def resume_reading(self) -> None:
        assert not self.closed
        self.reads = True

    def is_reading(self) -> bool:
        return self.reads

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True


def test_it_reads_again_after_a_rest_unless_it_is_closing():
    async def story() -> None:
        going, closing, never = Paced(), Paced(), Paced()
        first, second = Pipe(), Pipe()
        going._transport, closing._transport = first, second
        for one in (going, closing, never):
            one._rest(0.01)
        assert not first.reads
        closing.abort()
        never.abort()
        await asyncio.sleep(0.05)
        assert (first.reads, second.reads, second.closed) == (True, False, True)
        closing._rest(0.01)

    asyncio.run(story())
