#!/usr/bin/env python3
"""Emulate SDSL lines between network namespaces, without netem.

Every site is a network namespace behind its own line; all lines end in one
"core" namespace, where the server under test runs.  Needs root, Linux, the
`ip` (iproute2) and `ethtool` commands, and nothing outside the standard
library.

    sdsl.py up --sites 3 --atm          # three 2 Mbit/s lines with ATM cells
    ip netns exec sd1 baresip ...       # a client at site 1
    ip netns exec sdcore sfu serve      # the server; site i calls 10.77.i.1
    sdsl.py set --site 1 --dir down rate=1e6 loss=0.02
    sdsl.py stats                       # counters, rewritten every second
    sdsl.py check --site 1              # UDP against the arithmetic
    sdsl.py down

Names: with --prefix sd the namespaces are sd1..sdN, sdcore and sdline.
Site i has 10.77.i.2 on eth0 and a default route; the core has 10.77.i.1 on
interface t<i> and routes between sites.  Neighbour entries are permanent: a
DSL line with PPP carries no ARP.

The emulator is one process in <prefix>line which moves Ethernet frames
between two veth pairs with AF_PACKET sockets.  For each direction of each
line, in this order: a drop-tail queue of bounded length, serialisation at
`rate` in *line* bytes, random loss (lost packets have used the line, as bit
errors on a pair do), then propagation delay plus jitter, never reordering.
Arrival times are the kernel's, and every departure is computed from the
previous one, so a late wake-up delays single packets but not the rate.

Line bytes of a packet of n IP bytes (--framing, --overhead):
    plain   n + overhead                           default overhead 0
    efm     (n + overhead) * 65 / 64               default overhead 22
    atm     53 * ceil((n + overhead) / 48)         default overhead 10 (PPPoA)
--overhead 30 with efm is PPPoE over EFM, 40 with atm is PPPoE over LLC/SNAP.

Loss: --loss is independent per packet.  --ge P,R[,BAD[,GOOD]] adds bursts
(Gilbert-Elliott): P = chance to enter the bad state, R = chance to leave it,
BAD and GOOD = loss in each state (1 and 0 if left out).  The mean loss is
(P*BAD + R*GOOD) / (P + R), the mean length of a bad period 1/R packets.

Live control: `sdsl.py set`, or write one JSON object per line to the FIFO
`ctl` in the run directory.  "site" and "dir" ("up" or "down") select lines,
both may be left out; settings are rate, delay_ms, jitter_ms, queue_ms, loss,
ge (list or null), framing, overhead and atm (true or false).  The queue holds
bytes: queue_ms is converted at the rate in force when it is given, and a later
change of rate alone keeps the bytes, as a real buffer does.

The run directory (--run-dir) also holds state.json, stats.json and emu.log,
and history.jsonl (one line of statistics per second, or per --period-ms) with
--history.  In the statistics qmax_ms is the longest wait in the queue, late_ms
the latest delivery after its due time and waits_ms how many packets waited so
many milliseconds, rounded down (small_ms: those of at most 300 bytes of IP,
sound mostly), all in the last period; the rest are totals.
On a machine with other work, use --realtime and start the programs that take
times with `chrt -f 30`.
"""

from __future__ import annotations

import argparse
import contextlib
import heapq
import json
import os
import random
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

ETH_P_ALL = 3
ETH_HEADER = 14
SO_RCVBUFFORCE = 33
SO_TIMESTAMPNS = 35  # also the type of the control message that carries it
SOL_PACKET = 263
PACKET_IGNORE_OUTGOING = 23
PACKET_OUTGOING = 4
SOCKET_BUFFER = 4 << 20
MAX_FRAME = 65_600
SMALL_FRAME = 300 + ETH_HEADER
DEFAULT_OVERHEAD = {"plain": 0, "efm": 22, "atm": 10}
CHOICES = {"--framing": tuple(DEFAULT_OVERHEAD), "--dir": ("up", "down")}
SETTINGS = (
    "framing",
    "overhead",
    "rate",
    "delay_ms",
    "jitter_ms",
    "queue_ms",
    "loss",
    "ge",
)
REALTIME_PRIORITY = 40
PROBE_PORT = 5599
PROBE_HEADER = struct.Struct("!Id")


class LabError(Exception):
    """Something about the lab that the user must put right."""


# --------------------------------------------------------------------- line


def line_bytes(ip_bytes: int, framing: str, overhead: int) -> float:
    """Return the bytes that an IP packet occupies on the line."""
    size = ip_bytes + overhead
    if framing == "atm":
        return -(-size // 48) * 53
    if framing == "efm":
        return size * 65 / 64
    return size


class GilbertElliott:
    """Two-state loss process, advanced by one step per packet."""

    def __init__(self, enter: float, leave: float, bad: float = 1.0, good: float = 0.0):
        for value in (enter, leave, bad, good):
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"probability out of range: {value}")
        self.enter, self.leave, self.loss = enter, leave, (good, bad)
        self.in_bad = False

    def drops(self, rng: random.Random) -> bool:
        """Advance the state and tell whether this packet is lost."""
        flip = self.leave if self.in_bad else self.enter
        if rng.random() < flip:
            self.in_bad = not self.in_bad
        return rng.random() < self.loss[self.in_bad]


class Direction:
    """One direction of one line: its settings, queue and counters."""

    def __init__(self, site: int, name: str, settings: dict[str, Any], seed: int):
        self.site, self.name = site, name
        self.rng = random.Random(f"{seed}/{site}/{name}")
        self.out: socket.socket | None = None
        self.framing, self.overhead = "plain", 0
        self.rate = self.queue_bytes = 0.0
        self.delay = self.jitter = self.loss = 0.0
        self.ge: GilbertElliott | None = None
        self.queue: deque[tuple[float, float, bytes]] = deque()
        self.queued_bytes = 0.0
        self.sending = False
        self.busy_until = self.last_due = 0.0
        self.pkts = self.ip_bytes = self.dropped = self.lost = 0
        self.sent_line_bytes = 0.0
        self.qmax = self.late = 0.0
        self.waits: Counter[int] = Counter()
        self.small: Counter[int] = Counter()
        self.configure(settings)

    def configure(self, new: dict[str, Any]) -> None:
        """Apply settings; raise ValueError, TypeError or KeyError if wrong."""
        new = dict(new)
        if "atm" in new:
            new.setdefault("framing", "atm" if new.pop("atm") else "plain")
        unknown = set(new) - set(SETTINGS)
        if unknown:
            raise ValueError(f"unknown settings: {', '.join(sorted(unknown))}")
        if "framing" in new:
            self.framing = new["framing"]
            self.overhead = DEFAULT_OVERHEAD[self.framing]
        if new.get("overhead") is not None:
            self.overhead = int(new["overhead"])
        if "rate" in new:
            rate = float(new["rate"])
            if rate <= 0:
                raise ValueError("rate must be above 0")
            self.rate = rate
        if "queue_ms" in new:
            self.queue_bytes = float(new["queue_ms"]) / 1e3 * self.rate / 8
        if "delay_ms" in new:
            self.delay = float(new["delay_ms"]) / 1e3
        if "jitter_ms" in new:
            self.jitter = float(new["jitter_ms"]) / 1e3
        if "loss" in new:
            self.loss = float(new["loss"])
        if "ge" in new:
            self.ge = GilbertElliott(*new["ge"]) if new["ge"] else None

    def backlog(self, now: float) -> float:
        """Return the line bytes that wait at time `now`."""
        left = max(0.0, self.busy_until - now) * self.rate / 8
        return self.queued_bytes + left

    def loses(self) -> bool:
        """Tell whether the line destroys the packet it has just carried."""
        burst = self.ge is not None and self.ge.drops(self.rng)
        return burst or (self.loss > 0 and self.rng.random() < self.loss)

    def snapshot(self) -> dict[str, Any]:
        """Return the counters and start a new period for maxima and waits."""
        row = {
            "site": self.site,
            "dir": self.name,
            "rate": self.rate,
            "delay_ms": round(self.delay * 1e3, 3),
            "framing": self.framing,
            "overhead": self.overhead,
            "pkts": self.pkts,
            "ip_bytes": self.ip_bytes,
            "line_bytes": round(self.sent_line_bytes),
            "dropped": self.dropped,
            "lost": self.lost,
            "qmax_ms": round(self.qmax * 1e3, 1),
            "late_ms": round(self.late * 1e3, 2),
            "waits_ms": dict(sorted(self.waits.items())),
            "small_ms": dict(sorted(self.small.items())),
        }
        self.qmax = self.late = 0.0
        self.waits.clear()
        self.small.clear()
        return row


class Emulator:
    """Event loop that carries frames over all lines of a lab."""

    def __init__(self, args: argparse.Namespace):
        self.run_dir = Path(args.run_dir)
        self.history = args.history
        self.period = args.period_ms / 1e3
        self.heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self.serial = 0
        self.stopping = False
        self.control = os.open(self.run_dir / "ctl", os.O_RDWR | os.O_NONBLOCK)
        self.control_text = b""
        self.by_socket: dict[socket.socket, Direction] = {}
        settings = line_settings(args)
        for site in range(1, args.sites + 1):
            near, far = packet_socket(f"a{site}"), packet_socket(f"b{site}")
            for name, source, sink in (("up", near, far), ("down", far, near)):
                link = Direction(site, name, settings, args.seed)
                link.out = sink
                self.by_socket[source] = link

    def run(self) -> None:
        """Carry frames until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        readers: list[Any] = [self.control, *self.by_socket]
        next_report = time.time()
        while not self.stopping:
            now = time.time()
            if now >= next_report:
                self._report(now)
                next_report = max(next_report + self.period, now)
            while self.heap and self.heap[0][0] <= now:
                due, _, action, arguments = heapq.heappop(self.heap)
                action(due, *arguments)
                now = time.time()
            due = self.heap[0][0] if self.heap else next_report
            pause = max(0.0, min(due, next_report) - now)
            # select() takes microseconds; epoll would round up to 1 ms
            ready, _, _ = select.select(readers, [], [], pause)
            for source in ready:
                if source is self.control:
                    self._read_control()
                else:
                    self._receive(source)

    def _stop(self, *_: object) -> None:
        self.stopping = True

    def _at(self, due: float, action: Callable[..., None], *arguments: Any) -> None:
        self.serial += 1
        heapq.heappush(self.heap, (due, self.serial, action, arguments))

    def _receive(self, source: socket.socket) -> None:
        link = self.by_socket[source]
        for _ in range(64):
            try:
                frame, control, _, address = source.recvmsg(MAX_FRAME, 64)
            except OSError:  # nothing left, or the interface is gone
                return
            if address[2] == PACKET_OUTGOING:
                continue
            stamp = time.time()
            for _level, kind, data in control:
                if kind == SO_TIMESTAMPNS:
                    seconds, nanoseconds = struct.unpack_from("qq", data)
                    stamp = seconds + nanoseconds * 1e-9
            self._enqueue(link, stamp, frame)

    def _enqueue(self, link: Direction, stamp: float, frame: bytes) -> None:
        if link.backlog(stamp) > link.queue_bytes:
            link.dropped += 1
            return
        size = line_bytes(len(frame) - ETH_HEADER, link.framing, link.overhead)
        link.queue.append((stamp, size, frame))
        link.queued_bytes += size
        if not link.sending:
            self._start(link)

    def _start(self, link: Direction) -> None:
        stamp, size, frame = link.queue.popleft()
        begin = max(stamp, link.busy_until)
        waited = max(0.0, begin - stamp)
        link.qmax = max(link.qmax, waited)
        link.waits[int(waited * 1e3)] += 1
        if len(frame) <= SMALL_FRAME:
            link.small[int(waited * 1e3)] += 1
        link.queued_bytes -= size
        link.busy_until = begin + size * 8 / link.rate
        link.sending = True
        self._at(link.busy_until, self._sent, link, size, frame)

    def _sent(self, due: float, link: Direction, size: float, frame: bytes) -> None:
        link.sending = False
        link.sent_line_bytes += size
        if link.loses():
            link.lost += 1
        else:
            arrival = due + link.delay + link.jitter * link.rng.random()
            link.last_due = max(arrival, link.last_due)
            self._at(link.last_due, self._deliver, link, frame)
        if link.queue:
            self._start(link)

    def _deliver(self, due: float, link: Direction, frame: bytes) -> None:
        link.late = max(link.late, time.time() - due)
        assert link.out is not None
        try:
            link.out.send(frame)
        except OSError:
            link.dropped += 1
        else:
            link.pkts += 1
            link.ip_bytes += len(frame) - ETH_HEADER

    def _read_control(self) -> None:
        self.control_text += os.read(self.control, 65536)
        *lines, self.control_text = self.control_text.split(b"\n")
        for line in filter(None, lines):
            try:
                order = json.loads(line)
                site, name = order.pop("site", None), order.pop("dir", None)
                for link in self.by_socket.values():
                    if site in (None, link.site) and name in (None, link.name):
                        link.configure(order)
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                print(f"ignored {line!r}: {error}", file=sys.stderr, flush=True)

    def _report(self, now: float) -> None:
        rows = [link.snapshot() for link in self.by_socket.values()]
        text = json.dumps({"time": round(now, 3), "lines": rows})
        temporary = self.run_dir / "stats.json.new"
        temporary.write_text(text + "\n")
        temporary.replace(self.run_dir / "stats.json")
        if self.history:
            with open(self.run_dir / "history.jsonl", "a") as stream:
                stream.write(text + "\n")


def packet_socket(interface: str) -> socket.socket:
    """Open a raw socket that sees the frames arriving on an interface."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.bind((interface, ETH_P_ALL))
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    with contextlib.suppress(OSError):  # kernels before 4.20: _receive() filters them
        sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    return sock


def line_settings(args: argparse.Namespace) -> dict[str, Any]:
    """Return the settings of a line as given on the command line."""
    return {name: getattr(args, name) for name in SETTINGS}


# ---------------------------------------------------------------- namespaces


def sh(*words: str) -> str:
    """Run a command and return its output; raise LabError if it fails."""
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise LabError(f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def in_ns(namespace: str, *words: str) -> list[str]:
    """Return a command line that runs in a namespace."""
    return ["ip", "netns", "exec", namespace, *words]


def existing_namespaces() -> set[str]:
    """Return the names of all network namespaces of this machine."""
    lines = sh("ip", "netns", "list").splitlines()
    return {line.split()[0] for line in lines if line.strip()}


def create_network(prefix: str, sites: int) -> None:
    """Create the namespaces, veth pairs, addresses and routes."""
    core, line = f"{prefix}core", f"{prefix}line"
    for name in (core, line):
        sh("ip", "netns", "add", name)
        sh("ip", "-n", name, "link", "set", "lo", "up")
    sh(*in_ns(core, "sysctl", "-qw", "net.ipv4.ip_forward=1"))
    sh(*in_ns(line, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1"))
    for i in range(1, sites + 1):
        site = f"{prefix}{i}"
        sh("ip", "netns", "add", site)
        sh("ip", "-n", site, "link", "set", "lo", "up")
        connect(site, "eth0", line, f"a{i}", i, 2, 1)
        connect(core, f"t{i}", line, f"b{i}", i, 1, 2)
        sh("ip", "-n", site, "route", "add", "default", "via", f"10.77.{i}.1")


def connect(where: str, name: str, line: str, far: str, site: int, own: int, peer: int) -> None:
    """Join a namespace to the line namespace and configure its end."""
    pair = ("type", "veth", "peer", "name", far, "netns", line)
    sh("ip", "-n", where, "link", "add", name, *pair)
    for namespace, interface in ((where, name), (line, far)):
        # without this the sockets see 64 kB frames and unfinished checksums
        features = ("tx", "off", "tso", "off", "gso", "off", "gro", "off")
        sh(*in_ns(namespace, "ethtool", "-K", interface, *features))
        option = f"net.ipv6.conf.{interface}.disable_ipv6=1"
        sh(*in_ns(namespace, "sysctl", "-qw", option))
        sh("ip", "-n", namespace, "link", "set", "dev", interface, "up")
    mac = f"02:00:0a:4d:{site:02x}:"
    ip = ("ip", "-n", where)
    sh(*ip, "link", "set", "dev", name, "address", f"{mac}{own:02x}")
    sh(*ip, "addr", "add", f"10.77.{site}.{own}/24", "dev", name)
    # without this the first packets of a test wait for ARP over the line
    entry = (f"10.77.{site}.{peer}", "lladdr", f"{mac}{peer:02x}")
    sh(*ip, "neigh", "add", *entry, "dev", name, "nud", "permanent")


# ------------------------------------------------------------------ commands


def up(args: argparse.Namespace) -> None:
    """Build the lab and start its emulator."""
    if os.geteuid():
        raise LabError("root is needed")
    for tool in ("ip", "ethtool", "sysctl"):
        if not shutil.which(tool):
            raise LabError(f"command not found: {tool}")
    down(args)
    names = [f"{args.prefix}{i}" for i in range(1, args.sites + 1)]
    names += [f"{args.prefix}core", f"{args.prefix}line"]
    taken = existing_namespaces() & set(names)
    if taken:
        raise LabError(f"already there: {', '.join(sorted(taken))}; take another --prefix")
    run_dir = Path(args.run_dir)
    run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    (run_dir / "history.jsonl").unlink(missing_ok=True)
    state = {"prefix": args.prefix, "namespaces": names}
    write_state(run_dir, state)
    try:
        create_network(args.prefix, args.sites)
        os.mkfifo(run_dir / "ctl", mode=0o600)
        state["pid"] = start_emulator(args, run_dir)
        write_state(run_dir, state)
        wait_for_emulator(run_dir)
    except BaseException:
        down(args)
        raise
    print(f"up: {args.sites} sites, emulator {state['pid']}, {run_dir}")


def start_emulator(args: argparse.Namespace, run_dir: Path) -> int:
    """Start the emulator in the line namespace and return its pid."""
    options = [sys.executable, os.path.abspath(__file__), "emulate"]
    for name in ("prefix", "run_dir", "sites", "seed", "period_ms", *SETTINGS):
        value = getattr(args, name)
        if name == "ge" and value:
            value = ",".join(map(str, value))
        if value is not None:
            options.append(f"--{name.replace('_', '-')}={value}")
    for flag, _ in FLAGS:
        if getattr(args, flag[2:]):
            options.append(flag)
    with open(run_dir / "emu.log", "w") as log:
        process = subprocess.Popen(
            in_ns(f"{args.prefix}line", *options),
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    return process.pid


def wait_for_emulator(run_dir: Path) -> None:
    """Return once the emulator has written its first statistics."""
    for _ in range(100):
        if (run_dir / "stats.json").exists():
            return
        time.sleep(0.05)
    raise LabError(f"the emulator did not start: {(run_dir / 'emu.log').read_text()}")


def down(args: argparse.Namespace) -> None:
    """Stop the emulator and remove exactly what `up` made."""
    run_dir = Path(args.run_dir)
    try:
        if run_dir.stat().st_uid != os.geteuid():
            raise LabError(f"{run_dir} belongs to somebody else")
        state = json.loads((run_dir / "state.json").read_text())
    except FileNotFoundError:
        return
    stop_emulator(state.get("pid"), run_dir)
    present = existing_namespaces()
    for name in state["namespaces"]:
        if name in present:
            sh("ip", "netns", "del", name)
    for name in ("ctl", "stats.json", "stats.json.new", "state.json"):
        (run_dir / name).unlink(missing_ok=True)


def stop_emulator(pid: int | None, run_dir: Path) -> None:
    """End the emulator, if that process is still ours."""
    if pid is None:
        return
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if b"emulate" not in words or f"--run-dir={run_dir}".encode() not in words:
            return
        os.kill(pid, signal.SIGTERM)
        for _ in range(40):
            os.kill(pid, 0)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            time.sleep(0.05)
        os.kill(pid, signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError):
        pass


def write_state(run_dir: Path, state: dict[str, Any]) -> None:
    """Remember what has to be removed by `down`."""
    (run_dir / "state.json").write_text(json.dumps(state, indent=1) + "\n")


def read_run_file(args: argparse.Namespace, name: str) -> Any:
    """Read one JSON file of a running lab."""
    try:
        return json.loads((Path(args.run_dir) / name).read_text())
    except FileNotFoundError:
        raise LabError(f"no lab is up in {args.run_dir}") from None


def show_stats(args: argparse.Namespace) -> None:
    """Print the counters of the last second, one line per direction."""
    for row in read_run_file(args, "stats.json")["lines"]:
        print(json.dumps(row))


def change(args: argparse.Namespace) -> None:
    """Send new settings to the running emulator."""
    order: dict[str, Any] = {}
    for word in args.settings:
        name, _, value = word.partition("=")
        try:
            order[name] = json.loads(value)
        except ValueError:
            order[name] = value
    try:
        Direction(0, "trial", {"rate": 1.0}, 0).configure(order)
    except (ValueError, TypeError, KeyError) as error:
        raise LabError(f"bad settings: {error}") from None
    order.update({"site": args.site, "dir": args.dir})
    read_run_file(args, "state.json")
    try:
        fifo = Path(args.run_dir) / "ctl"
        control = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        raise LabError(f"no emulator reads {fifo}: {error}") from None
    with os.fdopen(control, "w") as stream:
        stream.write(json.dumps(order) + "\n")


def emulate(args: argparse.Namespace) -> None:
    """Run the emulator in the foreground (started by `up`)."""
    if args.realtime:
        priority = os.sched_param(REALTIME_PRIORITY)
        os.sched_setscheduler(0, os.SCHED_FIFO, priority)
    Emulator(args).run()


# --------------------------------------------------------------------- check


def check(args: argparse.Namespace) -> None:
    """Send UDP over one line; print rate, loss and one-way delay."""
    site, direction = args.site or 1, args.dir or "down"
    prefix = read_run_file(args, "state.json")["prefix"]
    source, sink = f"{prefix}core", f"{prefix}{site}"
    address = f"10.77.{site}.2"
    if direction == "up":
        source, sink, address = sink, source, f"10.77.{site}.1"
    script = [sys.executable, os.path.abspath(__file__)]
    load = [f"--kbps={args.kbps}", f"--size={args.size}"]
    load += [f"--seconds={args.seconds}"]
    receiver = subprocess.Popen(
        in_ns(sink, *script, "probe-receive", *load, address),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        time.sleep(0.5)
        sh(*in_ns(source, *script, "probe-send", *load, address))
        output = receiver.communicate(timeout=10)[0]
    finally:
        receiver.kill()
        receiver.wait()
    if receiver.returncode:
        raise LabError(f"nothing came from {source} to {sink}")
    result = json.loads(output)
    for row in read_run_file(args, "stats.json")["lines"]:
        if (row["site"], row["dir"]) == (site, direction):
            size = args.size + 28
            wire = line_bytes(size, row["framing"], row["overhead"])
            idle = wire * 8e3 / row["rate"] + row["delay_ms"]
            result["model_idle_ms"] = round(idle, 2)
            most = row["rate"] * size / wire / 1e3
            result["model_most_ip_kbps"] = round(most, 1)
    print(json.dumps(result))


def probe_send(args: argparse.Namespace) -> None:
    """Send numbered and timed datagrams at a constant rate."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    interval = (args.size + 28) * 8 / args.kbps / 1e3
    padding = bytes(max(0, args.size - PROBE_HEADER.size))
    begin = time.time()
    for number in range(int(args.seconds / interval)):
        time.sleep(max(0.0, begin + number * interval - time.time()))
        stamped = PROBE_HEADER.pack(number, time.time()) + padding
        sock.sendto(stamped, (args.address, PROBE_PORT))


def probe_receive(args: argparse.Namespace) -> None:
    """Receive what probe_send() sends and print a summary."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER)
    sock.bind((args.address, PROBE_PORT))
    sock.settimeout(0.2)
    delays: list[float] = []
    first = last = size = highest = 0.0
    end = time.time() + args.seconds + 2
    while time.time() < end:
        try:
            data = sock.recv(2048)
        except TimeoutError:
            continue
        last = time.time()
        first, size = first or last, len(data) + 28
        number, stamp = PROBE_HEADER.unpack_from(data)
        highest = max(highest, number)
        delays.append((last - stamp) * 1e3)
    if len(delays) < 2:
        raise LabError("nothing was received")
    delays.sort()
    count = len(delays)
    summary = {
        "packets": count,
        "loss": round(1 - count / (highest + 1), 4),
        "ip_kbps": round((count - 1) * size * 8 / (last - first) / 1e3, 1),
    }
    for name, percent in (("min", 0), ("p50", 50), ("p99", 99), ("max", 100)):
        rank = min(count - 1, count * percent // 100)
        summary[f"{name}_ms"] = round(delays[rank], 2)
    print(json.dumps(summary))


# ---------------------------------------------------------------------- main


def gilbert_elliott(text: str) -> list[float]:
    """Parse and check the value of --ge."""
    values = [float(word) for word in text.split(",")]
    if not 2 <= len(values) <= 4:
        raise ValueError
    GilbertElliott(*values)
    return values


def prefix_name(text: str) -> str:
    """Check the value of --prefix."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,15}", text):
        raise ValueError
    return text


def site_count(text: str) -> int:
    """Check the value of --sites."""
    if not 1 <= int(text) <= 254:
        raise ValueError
    return int(text)


# flag, type, default, help
COMMON_OPTIONS = (
    ("--prefix", prefix_name, "sd", "start of all namespace names"),
    ("--run-dir", str, None, "default: sdsl-PREFIX in the temporary folder"),
)
LINE_OPTIONS = (
    ("--sites", site_count, 6, "number of sites"),
    ("--rate", float, 2e6, "bit/s on the line, in each direction"),
    ("--delay-ms", float, 15.0, "one-way propagation delay"),
    ("--jitter-ms", float, 0.0, "uniform extra delay, without reordering"),
    ("--queue-ms", float, 200.0, "length of the drop-tail queue"),
    ("--loss", float, 0.0, "independent loss, 0 to 1"),
    ("--ge", gilbert_elliott, None, "burst loss: P,R[,BAD[,GOOD]]"),
    ("--framing", str, "plain", "framing of the line"),
    ("--overhead", int, None, "bytes added to each IP packet"),
    ("--seed", int, 1, "seed of loss and jitter"),
    ("--period-ms", float, 1000.0, "how often statistics are written"),
)
FLAGS = (
    ("--history", "append the statistics of each second to history.jsonl"),
    ("--realtime", "run the emulator with real-time priority"),
)
SITE_OPTIONS = (
    ("--site", int, None, "one site only"),
    ("--dir", str, None, "one direction only"),
)
PROBE_OPTIONS = (
    ("--kbps", float, 88.0, "IP rate to offer"),
    ("--size", int, 192, "bytes of UDP payload"),
    ("--seconds", float, 5.0, "how long"),
)


def add_options(parser: argparse.ArgumentParser, table: Any) -> None:
    """Add a table of options to a parser."""
    for flag, kind, default, text in table:
        choices = CHOICES.get(flag)
        if default is not None:
            text += f" ({default:g})" if kind is float else f" ({default})"
        parser.add_argument(flag, type=kind, default=default, choices=choices, help=text)


def parse_arguments(words: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    doc = (__doc__ or "").split("\n", 1)
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=doc[0], epilog=doc[1], formatter_class=raw)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    common = argparse.ArgumentParser(add_help=False)
    add_options(common, COMMON_OPTIONS)
    lines = argparse.ArgumentParser(add_help=False)
    add_options(lines, LINE_OPTIONS)
    lines.add_argument(
        "--atm", dest="framing", action="store_const", const="atm",
        default=argparse.SUPPRESS, help="short for --framing atm",
    )  # fmt: skip
    for flag, text in FLAGS:
        lines.add_argument(flag, action="store_true", help=text)
    site = argparse.ArgumentParser(add_help=False)
    add_options(site, SITE_OPTIONS)
    probe = argparse.ArgumentParser(add_help=False)
    add_options(probe, PROBE_OPTIONS)

    def command(name: str, function: Any, text: str, *parents: Any) -> Any:
        sub = commands.add_parser(name, parents=parents, help=text, description=text)
        sub.set_defaults(function=function)
        return sub

    command("up", up, "build a lab", common, lines)
    command("down", down, "remove the lab", common)
    command("stats", show_stats, "print the counters", common)
    sub = command("set", change, "change running lines", common, site)
    sub.add_argument("settings", nargs="+", metavar="NAME=VALUE")
    command("check", check, "measure one line", common, site, probe)
    command("emulate", emulate, "(started by up)", common, lines)
    sub = command("probe-send", probe_send, "(started by check)", probe)
    sub.add_argument("address")
    sub = command("probe-receive", probe_receive, "(started by check)", probe)
    sub.add_argument("address")

    args = parser.parse_args(words)
    if "run_dir" in args:
        folder = args.run_dir or os.path.join(tempfile.gettempdir(), f"sdsl-{args.prefix}")
        args.run_dir = os.path.abspath(folder)
    return args


def main() -> int:
    """Run one command and return the exit status."""
    args = parse_arguments()
    try:
        args.function(args)
    except LabError as error:
        print(f"sdsl.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
