"""A softphone of pjsua2, run as a program: one call, its sound from and into files.

    python pjsua_phone.py sip:4201@127.0.0.1:5060 udp none in.wav out.wav

Transport udp, tcp or tls; keys none, sdes-optional or sdes.  The call lasts until standard input
ends.
"""

import os
import sys
from typing import Any

import pjsua2 as pj

TRANSPORTS = {
    "udp": pj.PJSIP_TRANSPORT_UDP,
    "tcp": pj.PJSIP_TRANSPORT_TCP,
    "tls": pj.PJSIP_TRANSPORT_TLS,
}
USES = {
    "none": pj.PJMEDIA_SRTP_DISABLED,
    "sdes-optional": pj.PJMEDIA_SRTP_OPTIONAL,
    "sdes": pj.PJMEDIA_SRTP_MANDATORY,
}


class Call(pj.Call):  # type: ignore[misc]
    """Joins the call's sound to the two files, and says what becomes of it."""

    def __init__(self, account: Any, files: tuple[Any, Any]) -> None:
        super().__init__(account)
        self.files = files

    def onCallState(self, prm: Any) -> None:  # noqa: N802
        info = self.getInfo()
        print(f"state {info.stateText} {info.lastStatusCode} {info.lastReason}", flush=True)

    def onCallMediaState(self, prm: Any) -> None:  # noqa: N802
        info = self.getInfo()  # its list of media lives no longer than it does
        for at, media in enumerate(info.media):
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                sound = self.getAudioMedia(at)
                player, recorder = self.files
                player.startTransmit(sound)
                sound.startTransmit(recorder)
                print(f"media {self.getStreamInfo(at).codecName}", flush=True)


def account(transport: str, keys: str) -> Any:
    """Return an account without a registrar."""
    config = pj.AccountConfig()
    suffix = "" if transport == "udp" else f";transport={transport}"
    config.idUri = f"sip:pjsua@127.0.0.1{suffix}"
    config.mediaConfig.srtpUse = USES[keys]
    config.mediaConfig.srtpSecureSignaling = 0
    made = pj.Account()
    made.create(config)
    return made


def main(uri: str, transport: str, keys: str, sound: str, heard: str) -> None:
    """Call, until standard input ends."""
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    config = pj.EpConfig()
    config.uaConfig.threadCnt = 1
    config.medConfig.noVad = True
    config.logConfig.level = config.logConfig.consoleLevel = 4
    endpoint.libInit(config)
    where = pj.TransportConfig()
    where.boundAddress = "127.0.0.1"
    endpoint.transportCreate(TRANSPORTS[transport], where)
    endpoint.libStart()
    endpoint.audDevManager().setNullDev()
    player, recorder = pj.AudioMediaPlayer(), pj.AudioMediaRecorder()
    player.createPlayer(sound)
    recorder.createRecorder(heard)
    caller = account(transport, keys)
    call = Call(caller, (player, recorder))
    parameters = pj.CallOpParam(True)
    call.makeCall(uri + ("" if transport == "udp" else f";transport={transport}"), parameters)
    sys.stdin.read()
    endpoint.hangupAllCalls()
    sys.stdout.flush()
    os._exit(0)  # the binding's objects and its library end in no order that is safe


if __name__ == "__main__":
    main(*sys.argv[1:])
