"""mediasoup as a forwarder: a producer and a consumer for each receiver, on plain transports.

One worker, which is one thread.  `MEDIASOUP` names the folder with its node module and the worker
that was built there; nothing of it is ours, docs/performance.md says in words how to come by it.
The node process that gives the orders (``mediasoup.js``) has none to give while it is measured, and
is not counted.
"""

import json
import os
import shutil
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.child import pinned
from sfu.model import Keys, SrtpSuite

VARIABLE = "MEDIASOUP"
WORKER = Path("node_modules/mediasoup/worker/out/Release/mediasoup-worker")
SUITES = {
    SrtpSuite.AEAD_AES_128_GCM: "AEAD_AES_128_GCM",
    SrtpSuite.AES_CM_128_HMAC_SHA1_80: "AES_CM_128_HMAC_SHA1_80",
}
KEY_BYTES = 16
PATIENCE_S = 5.0


def absent() -> str | None:
    """Say why it cannot be run here."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        return f"{VARIABLE} names no folder with its node module and worker (docs/performance.md)"
    if not (Path(folder) / WORKER).exists():
        return f"{folder} has no {WORKER}"
    return None if shutil.which("node") else "node is not installed"


@contextmanager
def serving(
    directory: Path, keys: Keys | None, core: int, ports: Sequence[int]
) -> Iterator[tuple[int, int, Keys | None]]:
    """Give the worker, the port that takes the source, and the first sink's keys."""
    words = ["-", "-"]
    if keys is not None:
        words = [SUITES[keys.suite], b64encode(keys.key + keys.salt).decode()]
    script = str(Path(__file__).with_suffix(".js"))
    command = ["node", script, os.environ[VARIABLE], *words, *map(str, ports)]
    log = directory / "mediasoup.log"
    with pinned(command, core, log) as process:
        assert process.stdout
        assert process.stdin
        line = process.stdout.readline()
        assert line, log.read_text()
        told = json.loads(line)
        yield told["pid"], told["port"], keys and _keys(keys.suite, told["key"])
        process.stdin.close()  # so that the worker ends with it
        process.wait(PATIENCE_S)


def _keys(suite: SrtpSuite, word: str) -> Keys:
    packed = b64decode(word)
    return Keys(suite, packed[:KEY_BYTES], packed[KEY_BYTES:])
