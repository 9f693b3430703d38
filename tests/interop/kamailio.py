"""A real Kamailio as a PBX: registrar with passwords, and a proxy that stays in the call."""

import os
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.interop.process import die_with_parent
from tests.interop.wait import until

CONFIG = r"""#!KAMAILIO
debug=2
log_stderror=yes
children=1
disable_tcp=no
tcp_children=1
listen=udp:{host}:{port}
listen=tcp:{host}:{port}
{aliases}
loadmodule "kex.so"
loadmodule "corex.so"
loadmodule "pv.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "path.so"
loadmodule "auth.so"
loadmodule "htable.so"
modparam("htable", "htable", "password=>size=4;")
modparam("usrloc", "db_mode", 0)
modparam("registrar", "min_expires", {least_s})
modparam("registrar", "use_path", 1)
modparam("auth", "nonce_expire", {nonce_s})
modparam("rr", "enable_full_lr", 1)

event_route[htable:mod-init] {{
{passwords}
}}

request_route {{
    xlog("L_NOTICE", "SEEN $rm $ru from $si:$sp to <$tu> expires=$hdr(Expires)\n");
    if (!mf_process_maxfwd_header("20")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
    if (has_totag()) {{
        if (loose_route()) {{ t_relay(); exit; }}
        if (is_method("ACK")) {{ if (t_check_trans()) t_relay(); exit; }}
        sl_send_reply("404", "Not here"); exit;
    }}
    if (is_method("OPTIONS") && uri == myself) {{ sl_send_reply("200", "Alive"); exit; }}
    remove_hf("Route");
{relay}
    if (is_method("REGISTER")) {{
        if (!pv_www_authenticate("$td", "$sht(password=>$au)", "0")) {{
            www_challenge("$td", "1"); exit;
        }}
        if ($au != $tU) {{ sl_send_reply("403", "Not yours"); exit; }}
{service_route}
        if (!save("location")) sl_reply_error();
        exit;
    }}
    if (!is_method("INVITE")) {{ sl_send_reply("405", "Method Not Allowed"); exit; }}
    if (!pv_proxy_authenticate("$fd", "$sht(password=>$au)", "0")) {{
        proxy_challenge("$fd", "1"); exit;
    }}
    consume_credentials();
    record_route();
    # numbers of the meetings: who is registered as visio takes them, and finds them in To
    if ($rU =~ "^42[0-9][0-9]$") $rU = "visio";
    if (!lookup("location")) {{ sl_send_reply("404", "Nobody there"); exit; }}
    xlog("L_NOTICE", "RELAYED $rm to $ru\n");
    t_relay();
}}
"""
RELAY = """
    if (uri != myself) {
        if (is_method("REGISTER")) add_path(); else record_route();
        xlog("L_NOTICE", "PASSED $rm to $ru\\n");
        t_relay(); exit;
    }
"""


@dataclass
class Kamailio:
    """One process group with a scratch home; what it prints goes to `log`."""

    home: Path
    port: int
    passwords: dict[str, str]
    host: str = "127.0.0.1"
    domain: str = ""
    """A domain that is its own, beside its address."""
    least_s: int = 60
    nonce_s: int = 300
    service_route: str = ""
    passes: bool = False
    """Whether it is an outbound proxy too: what is not for itself goes on."""
    prefix: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def log(self) -> str:
        return (self.home / "log").read_text(errors="replace")

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def sip(self, user: str) -> str:
        return f"sip:{user}@{self.address}"

    def configuration(self) -> str:
        route = self.service_route
        return CONFIG.format(
            host=self.host,
            port=self.port,
            aliases=f'alias="{self.domain}"' if self.domain else "",
            least_s=self.least_s,
            nonce_s=self.nonce_s,
            passwords="\n".join(
                f'    $sht(password=>{user}) = "{word}";' for user, word in self.passwords.items()
            ),
            relay=RELAY if self.passes else "",
            service_route=(
                f'        append_to_reply("Service-Route: {route}\\r\\n");' if route else ""
            ),
        )

    async def start(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        path = self.home / "kamailio.cfg"
        path.write_text(self.configuration())
        with open(self.home / "log", "ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, "kamailio", "-DD", "-E", "-f", str(path), "-Y", str(self.home),
                 "-P", str(self.home / "pid"), "-m", "32", "-M", "4"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )  # fmt: skip
        await until(self._listens, 15, "Kamailio's sockets")

    def _listens(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(f"Kamailio ended with {self.process.returncode}:\n{self.log}")
        where = "".join(f"{int(part):02X}" for part in reversed(self.host.split(".")))
        wanted = f" {where}:{self.port:04X} "
        return all(wanted in Path(f"/proc/net/{kind}").read_text() for kind in ("udp", "tcp"))

    def kill(self) -> None:
        """Vanish without a word, its children too."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    async def stop(self) -> None:
        self.kill()
