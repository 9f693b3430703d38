"""The certificate we show: found or made at the start, looked at while we serve, and replaced.

::

    [tls], or the data directory --> ShownCertificate --chain, key--> shows: SIP, the page
                                        ^       ^
             every LOOK_EVERY_S: `watch`       at each reload: `read`, then `take`
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from sfu.app.addresses import public_hosts
from sfu.config import Settings
from sfu.config.listening import Tls
from sfu.errors import UseError
from sfu.shell.certificate import (
    Certificate,
    ensure_certificate,
    load_certificate,
    machine_names,
)
from sfu.shell.renewal import LOOK_EVERY_S, Renewal

log = structlog.get_logger()

Show = Callable[[Path, Path], None]
"""Shows a chain and its key to who connects from now on."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read anew, and the files it came of."""

    renewal: Renewal
    found: Certificate | None


class ShownCertificate:
    """The one certificate of page, API and SIP."""

    def __init__(self, settings: Settings, made: Path) -> None:
        """Find it as `[tls]` says, else in the folder `made`; UseError where it cannot serve."""
        self.now = _find(settings, made)
        self.shows: list[Show] = []
        """Who shows it; told of each that follows."""
        self._renewal = Renewal(self.now.chain, self.now.key)

    async def watch(self) -> None:
        """Look at its files now and then; the task of it."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                self._show(self._renewal.look())
            except UseError as error:
                log.error("certificate_refused", why=str(error))

    def read(self, other: Tls | None = None) -> Reading:
        """Read its files, or others; UseError where they cannot serve.  Nothing changes yet."""
        renewal = self._renewal
        if other is not None:
            renewal = Renewal(Path(other.certificate), Path(other.private_key))
        return Reading(renewal, renewal.look(anyhow=True))

    def take(self, reading: Reading) -> None:
        """Show what was read, and look at its files from now on."""
        self._show(reading.found)
        self._renewal = reading.renewal

    def _show(self, found: Certificate | None) -> None:
        if found is None:
            return
        for show in self.shows:
            show(found.chain, found.key)
        if found.fingerprint != self.now.fingerprint:
            log.info("certificate_renewed", fingerprint=found.fingerprint)
        self.now = found


def _find(settings: Settings, made: Path) -> Certificate:
    tls = settings.tls
    if tls.certificate:
        return load_certificate(Path(tls.certificate), Path(tls.private_key or tls.certificate))
    names = [*machine_names(), *tls.names, *public_hosts(settings)]
    return ensure_certificate(made, names)
