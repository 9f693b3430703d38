"""Who may call, register and operate, and how long they are remembered."""

from dataclasses import field
from ipaddress import ip_network
from typing import Annotated

from annotated_types import Ge, Le, MinLen
from pydantic import StringConstraints

from sfu.config.address import IpNetwork
from sfu.config.section import Bps, Name, Priority, section


@section
class DialOut:
    """Who may have the server call somebody: an account, or a listed network."""

    networks: tuple[IpNetwork, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
    accounts: tuple[Name, ...] = ()
    """Users of [[account]] who may, from anywhere."""
    proxy: str = ""
    """Host, or host:port, that numbers of no [[endpoint]] are sent to; empty: refused."""


@section
class Register:
    """Who may register: any account by its password, or a listed network without."""

    networks: tuple[IpNetwork, ...] = ()


@section
class Account:
    """A user with a password, for REGISTER and dial-out."""

    user: Name
    password: Annotated[str, MinLen(1)] = field(repr=False)
    priority: Priority | None = None
    """Of what it is shown; this and the next two left out: as its room says."""
    picture_floor_bps: Bps | None = None
    picture_max_bps: Bps | None = None


@section
class Oidc:
    """OpenID Connect: another house vouches for people who operate the server."""

    issuer: Annotated[str, StringConstraints(pattern=r"^$|^https?://[^\s]{1,500}$")] = ""
    """As it calls itself; empty: nobody vouches."""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    redirect_url: Annotated[str, StringConstraints(pattern=r"^$|^https?://[^\s]{1,500}$")] = ""
    """Where it sends people back: https://HOST:8443/api/v1/session/oidc/callback."""
    scopes: tuple[Name, ...] = ("openid", "profile", "email")
    name_claim: Name = "preferred_username"
    role_claim: Name = "groups"
    administrators: tuple[Name, ...] = ()
    """What values of `role_claim` make an administrator; the others alike."""
    operators: tuple[Name, ...] = ()
    organisers: tuple[Name, ...] = ()
    read_only: tuple[Name, ...] = ()


@section
class Retention:
    """How many days things are kept; 0: until somebody deletes them."""

    people_days: Annotated[int, Ge(0), Le(36_500)] = 365
    """Names and addresses in call records; the rest of a record stays."""
    records_days: Annotated[int, Ge(0), Le(36_500)] = 0
    """Call records as a whole."""
    audit_days: Annotated[int, Ge(0), Le(36_500)] = 365
    """Who did what by the API."""
