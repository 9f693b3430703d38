"""Everything of one server, in the order in which it is started, and stopped the other way round.

::

    data directory, certificate -> sockets bound (a busy port is told before anything runs)
    store -> engine, patchbay, mix worker -> house -> SIP, H.323, browsers -> web -> tick
"""

import asyncio
import contextlib
import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from itertools import count

import structlog

from sfu.app.addresses import advertised, candidates, tcp_candidates
from sfu.app.bookings import line_question
from sfu.app.certificate import ShownCertificate
from sfu.app.first import tell_first
from sfu.app.front import Front
from sfu.app.oidc import vouching
from sfu.app.reload import Changes, compare, effective
from sfu.app.sockets import listen_hosts, udp_socket
from sfu.app.terms import (
    hooks_of,
    listening_of,
    marks_of,
    place_of,
    policy_of,
    realm_of,
    sip_rates,
    sip_settings,
    turn_of,
)
from sfu.app.trunks import tell as tell_trunk
from sfu.app.upkeep import keep_house
from sfu.app.web import Web, WebSockets
from sfu.app.welcome import welcome
from sfu.app.whereabouts import Whereabouts
from sfu.app.zone import foreign, questions, record, zone
from sfu.config import Settings
from sfu.errors import UseError
from sfu.media.connect.dtls import Identity
from sfu.media.report import Reporter
from sfu.metrics import Metrics
from sfu.model import CallId
from sfu.shell.alterations import Alterations
from sfu.shell.arrived import EngineArrivals
from sfu.shell.bindings import Bindings
from sfu.shell.bookings import Bookings
from sfu.shell.bridge import Bridge
from sfu.shell.browser_surroundings import BrowserSurroundings
from sfu.shell.browsers import Browsers
from sfu.shell.calls import Calls
from sfu.shell.data import DataDirectory
from sfu.shell.diary import Diary
from sfu.shell.engine import Engine
from sfu.shell.gatekeeper import GatekeeperShell
from sfu.shell.h323 import H323Shell, available
from sfu.shell.house import TICK_S, House
from sfu.shell.icedoor import IceDoor
from sfu.shell.icetcp import IceTcp
from sfu.shell.invitations import Invitations
from sfu.shell.ledger import Ledger
from sfu.shell.log import configure_logging
from sfu.shell.mixdesk import MixDesk
from sfu.shell.patchbay import Patchbay
from sfu.shell.people import People
from sfu.shell.ports import PortRange
from sfu.shell.registrant import RegistrantShell
from sfu.shell.roomtest import RoomTests
from sfu.shell.sip import SipShell
from sfu.shell.store import Store
from sfu.shell.surroundings import Surroundings
from sfu.shell.systemd import Manager
from sfu.shell.tasks import end, spawn
from sfu.shell.titles import Titles
from sfu.shell.webhooks import Webhooks
from sfu.shell.workers import MixWorker
from sfu.signalling.call import CallOrder, Dial

log = structlog.get_logger()


class Server:
    """One server: `start`, `stop`, and what it says of itself."""

    _certificate: ShownCertificate

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str] = os.environ,
        reread: Callable[[], Settings] | None = None,
    ) -> None:
        """Remember how it shall be; `reread` reads the settings again, raising UseError."""
        self.settings = settings
        self._reread = reread
        self.reloads: Counter[str] = Counter()
        self.ended = asyncio.Event()
        """Set where it drained: nobody is there any more, or the time is over."""
        self.serving = False
        """Everything is started."""
        self._manager = Manager(environ)
        self._environ = environ
        self._stack = AsyncExitStack()
        self._new_call = map(CallId, count(1)).__next__
        self.h323: H323Shell | None = None
        """None: it is off, or its library is missing."""
        self.gatekeeper: GatekeeperShell | None = None
        self.registrant: RegistrantShell | None = None
        """Our registration at a foreign gatekeeper."""

    async def start(self) -> None:
        """Start all parts; UseError of one line for what the operator can put right."""
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise

    async def stop(self) -> None:
        """Say goodbye to everybody and give everything back."""
        self._manager.stopping()
        await self._stack.aclose()

    async def _start(self) -> None:
        settings = self.settings
        data = DataDirectory.open(settings.data, self._environ)
        self.directory = data.path
        self._stack.callback(data.close)
        self._certificate = ShownCertificate(settings, data.tls)
        web = WebSockets.bind(settings, self._hosts())
        media = [udp_socket(host, settings.webrtc.udp_port) for host in self._hosts()]
        self._stack.callback(web.close)
        store = await Store.open(data.store_url(settings.store.url))
        self._stack.push_async_callback(store.close)
        spawn("call records", store.run())
        self.alterations = Alterations(store, self.settings)
        settings = self.settings = await self.alterations.open()
        keeping = spawn("retention", keep_house(store, lambda: self.settings.retention))
        self._stack.push_async_callback(end, keeping)
        self.people = People(store, data.path)
        self.oidc = vouching(settings.oidc)
        await self._start_media(store, media)
        self._start_tcp(web.media)
        await self._start_sip(store)
        await self._start_h323()
        self._start_webhooks(store)
        self.house.invitations = Invitations.kept(self.directory)
        self._start_rhythm()
        # last: a start that fails must not have made an account whose password nobody saw
        self._first_password = tell_first(await self.people.begin(), data.path)
        await self._start_web(web)
        self.serving = True
        self._manager.ready(self._status())

    def _hosts(self) -> list[str]:
        return listen_hosts(self.settings.network.listen)

    # ---- media

    async def _start_media(self, store: Store, media: list[socket.socket]) -> None:
        settings = self.settings
        engine = Engine()
        self._stack.callback(engine.close)
        epoch_s = time.time() - time.monotonic()
        reporter = Reporter(os.urandom(8).hex(), epoch_s, EngineArrivals())
        self._engine = engine
        engine.apply(marks_of(settings))
        self.patchbay = Patchbay(engine, reporter, os.urandom)
        self.worker: MixWorker | None = None
        if settings.media.mix_workers and MixWorker.available():
            self.worker = MixWorker(
                lambda fd: self.desk.connect(fd), lambda report: self.desk.take_report(report)
            )
        else:
            log.warning("no_mixer", why="PyAV is not installed, or mix_workers is 0")
        self.desk = MixDesk(self.patchbay, self.worker)
        if self.worker is not None:
            await self.worker.start()
            self._stack.push_async_callback(self.worker.close)
        self.house = House(settings, self.patchbay, self.desk, store)
        self.ledger = Ledger(store, settings)
        self._stack.push_async_callback(end, spawn("ledger", self.ledger.run()))
        self.door = IceDoor(self.patchbay, Identity(time.time()), candidates(settings), os.urandom)
        for one in media:
            self.door.listen(one.detach())
        self.browsers = Browsers(
            self.house,
            BrowserSurroundings(
                self.patchbay, self.door, os.urandom, settings.media.video_bps,
                settings.media.video_fs,
                settings.limits.vanish_s, settings.media.gso, self.house.lines,
                settings.media.sound_twice, turn_of(settings),
            ),
            os.urandom,
        )  # fmt: skip

    def _start_tcp(self, bound: list[socket.socket]) -> None:
        """Let browsers come over TCP too: on a port of their own, and on the page's."""
        self.icetcp = IceTcp(self.door)
        self.icetcp.listen(bound)
        self._stack.callback(self.icetcp.close)
        self.door.tcp_candidates = tcp_candidates(self.settings, self.door.candidates)

    # ---- SIP

    async def _start_sip(self, store: Store) -> None:
        settings = self.settings
        self.whereabouts = Whereabouts(lambda: realm_of(self.settings))
        kept = Bindings(store)
        self.sip = SipShell(
            sip_settings(settings),
            listening_of(settings, self._hosts(), self._certificate.now),
            lambda event: self.calls.handle(event),
            on_registration=self.whereabouts.registered,
            on_trunk=tell_trunk,
            rates=sip_rates(settings),
            on_binding=kept.carry_out,
            new_call=self._new_call,
        )
        around = Surroundings(
            self.patchbay,
            PortRange(settings.rtp.first_port, settings.rtp.last_port),
            self._order,
            os.urandom,
            settings.media.gso,
            settings.limits.vanish_s,
            policy_of(settings),
            self.door.identity,
            settings.sip.offered_encryption,
            self.house.lines,
        )
        titles = Titles()
        self._stack.push_async_callback(titles.close)
        self.calls = Calls(
            self.house,
            around,
            lambda host: advertised(self.settings, host),
            self.sip.gate.knows,
            titles.film,
        )
        await self._open_bookings(store)
        known = await kept.kept()
        await self.sip.start()
        self._stack.push_async_callback(self.sip.close)
        for binding in known:
            self.sip.remember(binding)

    async def _open_bookings(self, store: Store) -> None:
        async def dial(unit: str, room: str) -> str:
            outcome = await self.front.dial(unit, room)
            return outcome.reason

        host = self.settings.sip.domain or "sfu"
        self.bookings = Bookings(
            Diary(store), self.house, self.calls, self.browsers.remove, dial,
            line_question(self.house.lines),
            lambda: f"{os.urandom(12).hex()}@{host}",
        )  # fmt: skip
        await self.bookings.open()

    async def _start_h323(self) -> None:
        settings = self.settings
        if not settings.h323.enabled:
            return
        if not available():
            log.warning("no_h323", why="pycrate is not installed: pip install '.[h323]'")
            return
        shell = H323Shell(
            settings.sip.domain or "sfu",
            place_of(settings, self._hosts()),
            self.sip.gate,
            lambda event: self.calls.handle(event),
            self._new_call,
        )
        await shell.start()
        self._stack.push_async_callback(shell.close)
        self.h323 = shell
        if settings.h323.gatekeeper:
            await self._start_gatekeeper()
        there = foreign(settings, self._hosts())
        if there is not None:
            ours = self.gatekeeper.knows if self.gatekeeper is not None else lambda host: False
            self.registrant = shell.join(there, ours)

    async def _start_gatekeeper(self) -> None:
        gatekeeper = GatekeeperShell(
            zone(self.settings, self._hosts()),
            self.sip.gate,
            questions(self.house, self.sip.gate, self.whereabouts.registrations),
            lambda fact: record(self.whereabouts.registrations, fact),
        )
        await gatekeeper.start()
        self._stack.callback(gatekeeper.close)
        self.gatekeeper = gatekeeper
        self.whereabouts.prefix = gatekeeper.prefix

    def _order(self, order: CallOrder) -> None:
        """Hand an order to whom the call goes by."""
        h323 = self.h323
        dials = isinstance(order, Dial) and order.uri.startswith("h323:")
        if h323 is not None and (dials or h323.owns(order.call)):
            h323.order(order)
        else:
            self.sip.order(order)

    def _start_webhooks(self, store: Store) -> None:
        self.webhooks = Webhooks(store, hooks_of(self.settings))
        self.house.news.takers.append(self.webhooks.take)
        self.webhooks.start()
        self._stack.push_async_callback(self.webhooks.close)

    # ---- the rhythm

    def _start_rhythm(self) -> None:
        self.lag_s = 0.0
        self.front = Front(self)
        self.alterations.adopt = self._configure
        self.tests = RoomTests(self.house, self.calls, self.front.targets.call)
        self.calls.bridge = Bridge(self.calls, self.front.targets.line_of)
        self.browsers.ring = self.calls.bridge.asked
        self.browsers.moderation.put_out = self.front.remove
        self._stack.push_async_callback(end, spawn("bookings", self.bookings.run()))
        self.metrics = Metrics(self.front.readings)
        ticking = spawn("tick", self._tick())
        self._stack.callback(ticking.cancel)

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            # a machine that cannot keep up ticks more rarely: who calls shall be answered still
            due = max(due + TICK_S, loop.time() + TICK_S / 2)
            await asyncio.sleep(TICK_S / 5)  # many lines that fall together are one hurry
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.house.urgent.wait(), due - loop.time())
            due = min(due, loop.time())
            self.lag_s = loop.time() - due
            try:
                snapshot = self.house.tick()
                self.calls.tick(snapshot)
                self.browsers.tick(snapshot)
                self.icetcp.tick()
                self.metrics.observe(snapshot, self.patchbay.sink_kinds())
                self._manager.alive(loop.time())  # a tick that fails is no sign of life
                self._end_drained()
            except Exception:
                log.exception("tick_failed")

    # ---- web

    async def _start_web(self, sockets: WebSockets) -> None:
        self._web = Web(
            self.front,
            self.settings,
            sockets,
            self._certificate.now,
            known=self.browsers.has_members,
            divert=self.icetcp.divert if self.settings.webrtc.tcp else None,
        )
        self.gates = self._web.gates
        self._certificate.shows += [self.sip.renew, self._web.renew]
        self._stack.push_async_callback(end, spawn("certificate", self._certificate.watch()))
        await self._web.start(self._stack)
        self._stack.callback(self.browsers.stop)

    # ---- its life

    async def reload(self) -> Changes:
        """Read the settings again; what may count at once does, and no call hears of it.

        Raises UseError where they are wrong: nothing changed then.
        """
        self._manager.reloading()
        try:
            changes = await self._reload()
        except UseError as error:
            self.reloads["refused"] += 1
            log.error("reload_refused", why=str(error))
            raise
        finally:
            self._manager.ready(self._status())
        self.reloads["done"] += 1
        log.info("reloaded", live=changes.live, restart=changes.restart)
        return changes

    async def _reload(self) -> Changes:
        if self._reread is None:
            raise UseError("there is nothing to read settings from")
        fresh = await asyncio.to_thread(self._reread)
        base = self.alterations.base  # what the console changed goes before both
        changes = compare(base, fresh)
        counts = effective(base, fresh)
        found = self._certificate.read(counts.tls if "tls.certificate" in changes.live else None)
        await self.alterations.renew(counts)  # first: it may say no
        self._certificate.take(found)
        return changes

    async def _configure(self, settings: Settings) -> None:
        """Hand settings that count now to who goes by them; UseError, and nothing changed."""
        self.house.configure(settings)  # first: it may say no
        before, self.settings = self.settings, settings
        configure_logging(settings.log)
        self._engine.apply(marks_of(settings))
        self.sip.configure(sip_settings(settings), sip_rates(settings))
        self.bookings.configure(settings)
        self.ledger.configure(settings)
        if settings.oidc != before.oidc:
            self.oidc = vouching(settings.oidc)
        if settings.webhook != before.webhook:
            await self.webhooks.change(hooks_of(settings))

    @property
    def certificate_ends_at(self) -> float:
        """When our certificate is good no more, in seconds since 1970."""
        return self._certificate.now.ends_at

    @property
    def people_there(self) -> int:
        """How many calls and pages there are, before a door too."""
        return len(self.calls) + len(self.browsers) + len(self.browsers.waiting)

    def drain(self, within_s: float) -> None:
        """Let nobody new in; end when nobody is left, or after this time."""
        self.house.drain.begin(self.house.clock(), within_s)
        log.warning("draining", within_s=within_s, people=self.people_there)
        self._manager.status(f"drains: {self.people_there} there still")

    def undrain(self) -> None:
        """Take calls again."""
        if self.house.drain.on:
            log.warning("draining_over", reason="cancelled")
        self.house.drain.cancel()
        self._manager.status(self._status())

    def _end_drained(self) -> None:
        people = self.people_there
        if self.house.drain.over(self.house.clock(), people) and not self.ended.is_set():
            log.warning("drained", people=people)
            self.ended.set()

    def _status(self) -> str:
        return f"page on {self.settings.http.tls_port}, SIP on {self.settings.sip.udp_port}"

    # ---- words

    def welcome(self) -> str:
        """Say where to go: the page for browsers, the address for codecs; and who may log in."""
        hosts = [one.host for one in self.door.candidates]
        fingerprint = self._certificate.now.fingerprint
        return welcome(self.settings, hosts, fingerprint, self._first_password)
