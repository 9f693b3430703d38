"""The certificate that is shown: who vouches for it, how long it lasts, who may read its key."""

import stat
import time
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509

from sfu.app.doctor.finding import Finding, Words, fine, note, wrong
from sfu.errors import UseError
from sfu.shell.certificate import load_certificate

SOON_S = 21 * 86_400.0
RENEW = Words(
    "Un certificat reconnu : « scripts/certificate NOM » (docs/install.fr.md).",
    "A trusted certificate: `scripts/certificate NAME` (docs/install.md).",
)


def check_certificate(chain: Path, key: Path, now: float | None = None) -> Iterator[Finding]:
    """Look at the certificate browsers and codecs are shown."""
    try:
        found = load_certificate(chain, key)
    except UseError as error:
        yield wrong("certificate", Words(str(error), str(error)), RENEW)
        return
    made = x509.load_pem_x509_certificate(chain.read_bytes())
    yield _judge(made, found.ends_at, time.time() if now is None else now)
    if stat.S_IMODE(key.stat().st_mode) & 0o007:
        yield wrong(
            "private key",
            Words(f"tout le monde peut lire {key}", f"everybody can read {key}"),
            Words(f"chmod o= {key}", f"chmod o= {key}"),
        )


def _judge(made: x509.Certificate, ends_at: float, now: float) -> Finding:
    left = int((ends_at - now) // 86_400)
    if now < made.not_valid_before_utc.timestamp():
        return wrong(
            "certificate",
            Words("le certificat n'est pas encore valable", "the certificate is not valid yet"),
            Words("Mettez l'horloge à l'heure (date).", "Set the clock (date)."),
        )
    if ends_at - now < SOON_S:
        return wrong(
            "certificate",
            Words(
                f"le certificat expire dans {left} jours", f"the certificate ends in {left} days"
            ),
            RENEW,
        )
    if made.issuer == made.subject:
        return note(
            "certificate",
            Words(
                "le certificat est fait maison : les navigateurs avertissent une fois",
                "the certificate is self-made: browsers warn once",
            ),
            RENEW,
        )
    return fine(
        "certificate", f"certificat valable {left} jours", f"certificate good for {left} days"
    )


def names_in(chain: Path) -> list[str]:
    """Give the host names a certificate holds, without wildcards and local ones."""
    try:
        made = x509.load_pem_x509_certificate(chain.read_bytes())
        held = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return []
    names = held.get_values_for_type(x509.DNSName)
    return [one for one in names if "." in one and "*" not in one]
