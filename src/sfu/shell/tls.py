"""TLS contexts of SIP listeners and of calls out."""

import ssl
from pathlib import Path

from sfu.shell.fault import naming


def server_context(certificate: Path, key: Path | None = None) -> ssl.SSLContext:
    """Load a certificate; `key` None: it stands in the same file.

    Room codecs of ten years ago end at TLS 1.0 to 1.2; we refuse below 1.2, as they can be
    called by TCP or UDP with SDES left out.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with naming(f"certificate {certificate}"):
        context.load_cert_chain(certificate, key)
    return context


def reload_chain(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    """Have a context in use show another certificate, to who agrees on keys from now on."""
    with naming(f"certificate {certificate}"):
        context.load_cert_chain(certificate, key)


def client_context(verify: bool) -> ssl.SSLContext:
    """Make the context of connections out; codecs carry certificates of their own making."""
    if verify:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
