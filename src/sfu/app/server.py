"""Everything of one server, in the order in which it is started, and stopped the other way round.

::

    data directory, certificate -> sockets bound (a busy port is told before anything runs)
    store -> engine, patchbay, mix worker -> house -> SIP, H.323, browsers -> web -> tick
"""

import asyncio
import math
import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path

import structlog

from sfu.api.app import WebSettings, create_app
from sfu.api.challenge import challenge_app
from sfu.api.server import WebServer
from sfu.app.bookings import line_question
from sfu.app.first import tell_first
from sfu.app.front import Front
from sfu.app.oidc import vouching
from sfu.app.reload import Changes, compare, effective
from sfu.app.sockets import all_addresses, bind_listener, listen_hosts, udp_socket
from sfu.app.terms import hooks_of, marks_of, policy_of, realm_of, sip_rates, sip_settings
from sfu.app.trunks import tell as tell_trunk
from sfu.app.upkeep import keep_house
from sfu.app.welcome import welcome
from sfu.app.zone import foreign, questions, record, zone
from sfu.config import Settings
from sfu.errors import UseError
from sfu.media.connect.dtls import Identity
from sfu.media.connect.turn import TurnServer
from sfu.media.report import Reporter
from sfu.metrics import Metrics
from sfu.model import Address, CallId, Protocol
from sfu.room.registration import Contact, Registrations
from sfu.shell.alterations import Alterations
from sfu.shell.bindings import Bindings
from sfu.shell.bookings import Bookings
from sfu.shell.bridge import Bridge
from sfu.shell.browser_leg import BrowserSurroundings
from sfu.shell.browsers import Browsers
from sfu.shell.calls import Calls
from sfu.shell.certificate import (
    Certificate,
    ensure_certificate,
    load_certificate,
    machine_names,
)
from sfu.shell.data import DataDirectory
from sfu.shell.diary import Diary
from sfu.shell.engine import Engine
from sfu.shell.gatekeeper import GatekeeperShell
from sfu.shell.h323 import H323Shell, Place, available
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
from sfu.shell.renewal import LOOK_EVERY_S, Renewal
from sfu.shell.roomtest import RoomTests
from sfu.shell.sip import Listening, SipShell
from sfu.shell.store import Store
from sfu.shell.surroundings import Surroundings
from sfu.shell.systemd import Manager
from sfu.shell.tasks import end, spawn
from sfu.shell.titles import Titles
from sfu.shell.udp import local_host_toward
from sfu.shell.webdoor import MOST, WebGate
from sfu.shell.webhooks import Webhooks
from sfu.shell.workers import MixWorker
from sfu.signalling.call import CallOrder, Dial
from sfu.signalling.sip.flow import private
from sfu.signalling.sip.registrar import Registered, RegistrarFact, Unregistered
from sfu.signalling.sip.uri import escape

log = structlog.get_logger()


class Server:
    """One server: `start`, `stop`, and what it says of itself."""

    _renewal: Renewal

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
        self._certificate: Certificate | None = None
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
        self._certificate = self._find_certificate(data)
        https = [bind_listener("page", host, settings.http.tls_port) for host in self._hosts()]
        http = [bind_listener("API", "127.0.0.1", settings.http.local_port)]
        over_tcp = [
            bind_listener("browsers' media", host, settings.webrtc.tcp_port)
            for host in (self._hosts() if settings.webrtc.tcp and settings.webrtc.tcp_port else ())
        ]
        media = [udp_socket(host, settings.webrtc.udp_port) for host in self._hosts()]
        tls = settings.tls
        self._challenges = [
            bind_listener("challenges", host, tls.acme_port)
            for host in (self._hosts() if tls.acme_webroot else ())
        ]
        for one in (*https, *http, *self._challenges, *over_tcp):
            self._stack.callback(one.close)
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
        self._start_tcp(over_tcp)
        await self._start_sip(store)
        await self._start_h323()
        self._start_webhooks(store)
        self.house.invitations = Invitations.kept(self.directory)
        self._start_rhythm()
        # last: a start that fails must not have made an account whose password nobody saw
        self._first_password = tell_first(await self.people.begin(), data.path)
        self._watch_certificate()
        await self._start_web(https, http)
        self.serving = True
        self._manager.ready(self._status())

    def _hosts(self) -> list[str]:
        return listen_hosts(self.settings.network.listen)

    def _find_certificate(self, data: DataDirectory) -> Certificate:
        tls = self.settings.tls
        if tls.certificate:
            return load_certificate(Path(tls.certificate), Path(tls.private_key or tls.certificate))
        public = [str(one) for one in self.settings.network.public_addresses]
        return ensure_certificate(data.tls, [*machine_names(), *tls.names, *public])

    # ---- media

    async def _start_media(self, store: Store, media: list[socket.socket]) -> None:
        settings = self.settings
        engine = Engine()
        self._stack.callback(engine.close)
        reporter = Reporter(os.urandom(8).hex(), time.time() - time.monotonic())
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
        self.door = IceDoor(self.patchbay, Identity(time.time()), self._candidates(), os.urandom)
        for one in media:
            self.door.listen(one.detach())
        self.browsers = Browsers(
            self.house,
            BrowserSurroundings(
                self.patchbay, self.door, os.urandom, settings.media.video_bps,
                settings.media.video_fs,
                settings.limits.vanish_s, settings.media.gso, self.house.lines,
                settings.media.sound_twice, self._turn(),
            ),
            os.urandom,
        )  # fmt: skip

    def _start_tcp(self, bound: list[socket.socket]) -> None:
        """Let browsers come over TCP too: on a port of their own, and on the page's."""
        webrtc = self.settings.webrtc
        self.icetcp = IceTcp(self.door)
        self.icetcp.listen(bound)
        self._stack.callback(self.icetcp.close)
        if webrtc.tcp:
            ours = [self.settings.http.tls_port, *([webrtc.tcp_port] if webrtc.tcp_port else [])]
            ports = webrtc.tcp_offered_ports or ours
            self.door.tcp_candidates = tuple(
                Address(one.host, port) for port in ports for one in self.door.candidates
            )

    def _candidates(self) -> tuple[Address, ...]:
        """Give the addresses browsers are told: the public ones, then those of this host."""
        port = self.settings.webrtc.udp_port
        public = [str(one) for one in self.settings.network.public_addresses]
        listen = [str(one) for one in self.settings.network.listen]
        hosts = dict.fromkeys([*public, *(listen or all_addresses())])
        return tuple(Address(host, port) for host in hosts)

    def _turn(self) -> TurnServer | None:
        turn = self.settings.turn
        return TurnServer(turn.urls, turn.secret, turn.lifetime_s) if turn.urls else None

    # ---- SIP

    async def _start_sip(self, store: Store) -> None:
        settings = self.settings
        assert self._certificate is not None
        public = [str(one) for one in settings.network.public_addresses]
        self.registrations = Registrations()
        kept = Bindings(store)
        self.sip = SipShell(
            sip_settings(settings),
            Listening(
                tuple(self._hosts()),
                settings.sip.udp_port,
                settings.sip.tls_port,
                self._certificate.chain,
                self._certificate.key,
                public[0] if public else "",
                tcp_port=settings.sip.tcp_port,
            ),
            lambda event: self.calls.handle(event),
            on_registration=self._registered,
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
        self.calls = Calls(self.house, around, self._advertise, self.sip.gate.knows, titles.film)
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
        public = [str(one) for one in settings.network.public_addresses]
        shell = H323Shell(
            settings.sip.domain or "sfu",
            Place(
                tuple(self._hosts()),
                settings.h323.port,
                settings.h323.h245_range,
                public[0] if public else "",
                settings.h323.tunnelling,
                settings.gatekeeper.prefixes,
            ),
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
            questions(self.house, self.sip.gate, self.registrations),
            lambda fact: record(self.registrations, fact),
        )
        await gatekeeper.start()
        self._stack.callback(gatekeeper.close)
        self.gatekeeper = gatekeeper

    def _order(self, order: CallOrder) -> None:
        """Hand an order to whom the call goes by."""
        h323 = self.h323
        dials = isinstance(order, Dial) and order.uri.startswith("h323:")
        if h323 is not None and (dials or h323.owns(order.call)):
            h323.order(order)
        else:
            self.sip.order(order)

    def _registered(self, fact: RegistrarFact) -> None:
        """Keep where endpoints are reached, for calls out."""
        match fact:
            case Registered():
                # the SIP core tells the end of a binding; a refresh is nothing new
                contact = Contact(
                    fact.contact,
                    fact.flow.remote,
                    Protocol.SIP,
                    math.inf,
                    fact.model,
                    fact.account,
                )
                self.registrations.put(fact.account, contact)
            case Unregistered():
                self.registrations.remove(fact.account, fact.contact)
        log.info("registration", account=fact.account, known=isinstance(fact, Registered))

    def contact_of(self, alias: str) -> str | None:
        """Give the newest address an endpoint registered, None where there is none."""
        found = self.registrations.find(alias, time.monotonic())
        return found[0].uri if found else None

    def gateway_to(self, number: str) -> str | None:
        """Give the address by which a registered gateway is asked for a number; None: by none."""
        gateway = self.gatekeeper.prefix(number) if self.gatekeeper is not None else None
        return f"h323:{number}@{gateway}" if gateway is not None else None

    def way_to(self, alias: str) -> tuple[str, str] | None:
        """Give the address by which the SIP core finds a registered endpoint, and its host.

        The core knows all its contacts, and the flows that lead to them through a NAT.
        """
        found = self.registrations.find(alias, time.monotonic())
        if not found:
            return None
        if found[0].protocol is Protocol.H323:
            return found[0].uri, found[0].source.host
        return f"sip:{escape(found[0].account)}@{self._realm}", found[0].source.host

    @property
    def _realm(self) -> str:
        return realm_of(self.settings)

    def _advertise(self, host: str) -> str:
        """Give our address as this host shall know it: a public one only beyond our networks."""
        public = [str(one) for one in self.settings.network.public_addresses]
        same = [one for one in public if (":" in one) == (":" in host)]
        if same and not private(host):
            return same[0]
        return local_host_toward(Address(host, 9))

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
        self.tests = RoomTests(self.house, self.calls, self.front.call)
        self.calls.bridge = Bridge(self.calls, self.front.line_of)
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
            await asyncio.sleep(due - loop.time())
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

    async def _start_web(self, https: list[socket.socket], http: list[socket.socket]) -> None:
        assert self._certificate is not None
        names = frozenset(name.lower() for name in (*machine_names(), *self.settings.tls.names))
        public = create_app(
            self.front, WebSettings(metrics=self.settings.http.public_metrics, names=names)
        )
        local = create_app(self.front, WebSettings(metrics=True, names=names))
        # behind the local one stands a proxy, or a program of this machine
        self.gates = (
            WebGate(self.browsers.has_members),
            WebGate(each=MOST, rated=False),
            *([WebGate()] if self._challenges else []),
        )
        self._page = WebServer(
            public, https, certificate=self._certificate.chain, key=self._certificate.key,
            gate=self.gates[0], divert=self.icetcp.divert if self.settings.webrtc.tcp else None,
        )  # fmt: skip
        servers = [self._page, WebServer(local, http, gate=self.gates[1])]
        if self._challenges:
            webroot = Path(self.settings.tls.acme_webroot)
            app = challenge_app(webroot, self.settings.http.tls_port)
            servers.append(WebServer(app, self._challenges, gate=self.gates[2]))
        for one in servers:
            task = spawn("web", one.run())
            self._stack.push_async_callback(_join, task)
            self._stack.callback(one.stop)
            await one.started()
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
        tls = counts.tls
        renewal = self._renewal
        if tls.certificate and "tls.certificate" in changes.live:
            renewal = Renewal(Path(tls.certificate), Path(tls.private_key))
        found = renewal.look(anyhow=True)
        await self.alterations.renew(counts)  # first: it may say no
        self._renew(found)
        self._renewal = renewal
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

    def _watch_certificate(self) -> None:
        assert self._certificate is not None
        self._renewal = Renewal(self._certificate.chain, self._certificate.key)
        self._stack.push_async_callback(end, spawn("certificate", self._keep_certificate()))

    async def _keep_certificate(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                self._renew(self._renewal.look())
            except UseError as error:
                log.error("certificate_refused", why=str(error))

    def _renew(self, found: Certificate | None) -> None:
        """Show another certificate, by page and SIP, to who connects from now on."""
        if found is None:
            return
        self.sip.renew(found.chain, found.key)
        self._page.renew(found.chain, found.key)
        assert self._certificate is not None
        if found.fingerprint != self._certificate.fingerprint:
            log.info("certificate_renewed", fingerprint=found.fingerprint)
        self._certificate = found

    @property
    def certificate_ends_at(self) -> float:
        """When our certificate is good no more, in seconds since 1970."""
        return self._certificate.ends_at if self._certificate is not None else 0.0

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
        assert self._certificate is not None
        hosts = [one.host for one in self.door.candidates]
        fingerprint = self._certificate.fingerprint
        return welcome(self.settings, hosts, fingerprint, self._first_password)


async def _join(task: "asyncio.Task[None]") -> None:
    """Wait for a task that was told to end."""
    await asyncio.wait([task], timeout=3)
    task.cancel()
