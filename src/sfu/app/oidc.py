"""Who vouches for people, made of the settings."""

from sfu.config import Oidc as OidcSettings
from sfu.model import Role
from sfu.shell.oidc import Issuer, Oidc


def vouching(settings: OidcSettings) -> Oidc | None:
    """Make the client of `[oidc]`; None where nobody is configured."""
    if not settings.issuer:
        return None
    roles = {
        Role.ADMINISTRATOR: frozenset(settings.administrators),
        Role.OPERATOR: frozenset(settings.operators),
        Role.ORGANISER: frozenset(settings.organisers),
        Role.READ_ONLY: frozenset(settings.read_only),
    }
    return Oidc(
        Issuer(
            settings.issuer,
            settings.client_id,
            settings.client_secret,
            settings.redirect_url,
            settings.scopes,
            settings.name_claim,
            settings.role_claim,
            roles,
        )
    )
