"""Builds `native/srtp*.c` as a small shared library of its own and opens it."""

import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import cffi  # type: ignore[import-untyped]

from sfu.model import SrtpSuite

NATIVE = Path(__file__).parents[2] / "native"
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g"]
DECLARATIONS = """
struct srtp *srtp_new(int suite, const uint8_t *key, const uint8_t *salt, const uint8_t *mki,
                      size_t mki_len);
void srtp_free(struct srtp *);
int srtp_protect(struct srtp *, uint8_t *packet, size_t header_len, const uint8_t *payload,
                 size_t payload_len, size_t cap);
int srtp_unprotect(struct srtp *, uint8_t *packet, size_t len);
int srtp_protect_rtcp(struct srtp *, uint8_t *packet, size_t len, size_t cap);
int srtp_unprotect_rtcp(struct srtp *, uint8_t *packet, size_t len);
int inside_derive(const uint8_t *key, const uint8_t *salt, int label, uint8_t *out, size_t len);
int inside_derive_256(const uint8_t *key, const uint8_t *salt, int label, uint8_t *out, size_t len);
int inside_rekey(struct srtp *, const uint8_t *key, const uint8_t *salt, uint32_t ssrc,
                 uint32_t rtcp_index);
size_t inside_streams(const struct srtp *);
"""
EAUTH, EREPLAY, EMALFORMED, EFULL = -1, -2, -3, -4
ROOM = 16 + 4 + 128
"""What may stand behind a packet: tag, SRTCP index, MKI."""


class SrtpError(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def build(directory: Path) -> tuple[cffi.FFI, Any]:
    library = directory / "libsrtp_inside.so"
    flags = SANITIZERS if os.environ.get("SFU_SANITIZE") else ["-O2"]
    command = ["gcc", "-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-shared", "-fPIC"]
    source = Path(__file__).with_name("srtp_inside.c")
    sources = [source, *sorted(NATIVE.glob("srt*.c"))]
    command += [*flags, f"-I{NATIVE}", *map(str, sources), "-o", str(library), "-lcrypto"]
    subprocess.run(command, check=True, cwd=directory, text=True)
    ffi = cffi.FFI()
    ffi.cdef(DECLARATIONS)
    return ffi, ffi.dlopen(str(library))


def sanitized_environment() -> dict[str, str]:
    found = subprocess.run(
        shlex.split("gcc -print-file-name=libasan.so"), capture_output=True, text=True, check=True
    )
    return {
        **os.environ,
        "SFU_SANITIZE": "1",
        "LD_PRELOAD": found.stdout.strip(),
        "ASAN_OPTIONS": "detect_leaks=0",  # the interpreter's own, mostly
    }


class Direction:
    """One direction of the C code; raises `SrtpError`.  Buffers are exactly as large as needed."""

    def __init__(
        self, native: tuple[cffi.FFI, Any], suite: SrtpSuite, master: bytes, mki: bytes = b""
    ) -> None:
        self.ffi, self.lib = native
        key, salt = master[: suite.key_bytes], master[suite.key_bytes :]
        made = self.lib.srtp_new(suite, key, salt, mki, len(mki))
        assert made != self.ffi.NULL
        self.srtp = self.ffi.gc(made, self.lib.srtp_free)

    @property
    def streams(self) -> int:
        return int(self.lib.inside_streams(self.srtp))

    def protect(self, packet: bytes, header: int = 12, room: int = ROOM) -> bytes:
        """Hand the payload over in a buffer of its own, as the engine does."""
        buffer = self.ffi.new("uint8_t[]", header + len(packet) - header + room)
        self.ffi.memmove(buffer, packet[:header], header)
        payload = self.ffi.from_buffer("uint8_t[]", packet[header:] or b"\0")
        length = self.lib.srtp_protect(
            self.srtp, buffer, header, payload, len(packet) - header, len(buffer)
        )
        return self._taken(buffer, length)

    def protect_in_place(self, packet: bytes, header: int = 12) -> bytes:
        buffer = self.ffi.new("uint8_t[]", packet + bytes(ROOM))
        length = self.lib.srtp_protect(
            self.srtp, buffer, header, buffer + header, len(packet) - header, len(packet) + ROOM
        )
        return self._taken(buffer, length)

    def protect_rtcp(self, packet: bytes, room: int = ROOM) -> bytes:
        buffer = self.ffi.new("uint8_t[]", len(packet) + room)
        self.ffi.memmove(buffer, packet, len(packet))
        length = self.lib.srtp_protect_rtcp(self.srtp, buffer, len(packet), len(buffer))
        return self._taken(buffer, length)

    def unprotect(self, packet: bytes) -> bytes:
        return self._open(self.lib.srtp_unprotect, packet)

    def unprotect_rtcp(self, packet: bytes) -> bytes:
        return self._open(self.lib.srtp_unprotect_rtcp, packet)

    def _open(self, function: Any, packet: bytes) -> bytes:
        buffer = self.ffi.new("uint8_t[]", max(1, len(packet)))
        self.ffi.memmove(buffer, packet, len(packet))
        return self._taken(buffer, function(self.srtp, buffer, len(packet)))

    def _taken(self, buffer: Any, length: int) -> bytes:
        if length < 0:
            raise SrtpError(length)
        return bytes(self.ffi.buffer(buffer, length))
