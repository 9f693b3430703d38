"""Proofs of a password in H.323 messages: H.235 Annex D (H.235.1), and the MD5 of old units.

::

    MessageHash   HMAC-SHA1-96 over the whole message, its own twelve octets zero; the key is
                  SHA1(password).  Nothing in the message can be altered.
    PasswordHash  MD5 over a ClearToken {0.0, time, alias, password}: the password is right,
                  and the message was made about then.  Nothing else.
    AccessToken   the same of gateways by Cisco: MD5 over an octet, the password and the time,
                  in a ClearToken of its own.

All carry the time, in seconds since 1970, of who made them.
"""

import hashlib
import hmac
from dataclasses import dataclass

from sfu.signalling.h323.alias import Alias, number, read_aliases, write_aliases
from sfu.signalling.h323.per import Pdu, Value, encode

MD5 = (1, 2, 840, 113549, 2, 5)
HMAC_SHA1_96 = (0, 0, 8, 235, 0, 2, 6)
"""OID "U" of H.235 Annex D."""
WHOLE_MESSAGE = (0, 0, 8, 235, 0, 2, 1)
"""OID "A"."""
CLEAR_TOKEN = (0, 0, 8, 235, 0, 2, 5)
"""OID "T"."""
VERSION_AT = 5
"""Which number of these OIDs is H.235's version: any will do."""
ACCESS_TOKEN = (1, 2, 840, 113548, 10, 1, 2, 1)
MAX_TOKENS = 8
HASH_OCTETS, MD5_OCTETS = 12, 16
PLACE = bytes.fromhex("a55a3cc3966981e70ff05aa5")
"""Stands where the hash will: found again in the encoded message."""


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """cryptoEPPwdHash."""

    alias: Alias
    time: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class MessageHash:
    """cryptoHashedToken within nestedcryptoToken."""

    sender: str
    receiver: str
    time: int
    random: int
    digest: bytes = PLACE


@dataclass(frozen=True, slots=True)
class AccessToken:
    """ClearToken of Cisco's gateways."""

    alias: Alias
    time: int
    random: int
    digest: bytes


Proof = PasswordHash | MessageHash | AccessToken


def read_proofs(value: Value) -> tuple[Proof, ...]:
    """Read the tokens of a message; kinds we do not know are left out."""
    found = [_read(one) for one in value.get("cryptoTokens", ())[:MAX_TOKENS]]
    found += [_read_access(one) for one in value.get("tokens", ())[:MAX_TOKENS]]
    return tuple(one for one in found if one is not None)


def _read_access(token: Value) -> AccessToken | None:
    if token["tokenOID"] != ACCESS_TOKEN or not {"timeStamp", "random", "challenge"} <= set(token):
        return None
    name, digest = token.get("generalID", "").rstrip("\0"), token["challenge"]
    time = token["timeStamp"]
    if not name or len(digest) != MD5_OCTETS or not 0 <= time < 1 << 32:
        return None
    return AccessToken(number(name), time, token["random"] % 256, digest)


def _read(token: Value) -> Proof | None:
    name, value = token
    if name == "cryptoEPPwdHash" and value["token"]["algorithmOID"] == MD5:
        aliases = read_aliases([value["alias"]])
        digest = _octets(value["token"]["hash"], MD5_OCTETS)
        if aliases and digest:
            return PasswordHash(aliases[0], value["timeStamp"], digest)
    if name == "nestedcryptoToken" and value[0] == "cryptoHashedToken":
        return _read_hashed(value[1])
    return None


def _read_hashed(value: Value) -> MessageHash | None:
    clear, token = value["hashedVals"], value["token"]
    digest = _octets(token["hash"], HASH_OCTETS)
    known = (
        _is(value["tokenOID"], WHOLE_MESSAGE)
        and _is(clear["tokenOID"], CLEAR_TOKEN)
        and _is(token["algorithmOID"], HMAC_SHA1_96)
    )
    if not known or not digest:
        return None
    return MessageHash(
        clear.get("sendersID", "").rstrip("\0"),
        clear.get("generalID", "").rstrip("\0"),
        clear.get("timeStamp", 0),
        clear.get("random", 0),
        digest,
    )


def _is(oid: Value, known: tuple[int, ...]) -> bool:
    """Compare but for the version of H.235."""
    same = len(oid) == len(known)
    return same and all(a == b for at, (a, b) in enumerate(zip(oid, known, strict=True))
                        if at != VERSION_AT)  # fmt: skip


def _octets(bits: Value, size: int) -> bytes:
    number, length = bits
    return number.to_bytes(size) if length == 8 * size else b""


def write_proof(proof: Proof) -> Value:
    """Make one of cryptoTokens."""
    bits = (int.from_bytes(proof.digest), 8 * len(proof.digest))
    assert not isinstance(proof, AccessToken), "we never send one"
    if isinstance(proof, PasswordHash):
        token = {"algorithmOID": MD5, "paramS": {}, "hash": bits}
        alias = write_aliases([proof.alias])[0]
        return "cryptoEPPwdHash", {"alias": alias, "timeStamp": proof.time, "token": token}
    clear: dict[str, Value] = {
        "tokenOID": CLEAR_TOKEN,
        "timeStamp": proof.time,
        "random": proof.random,
    }
    if proof.sender:
        clear["sendersID"] = proof.sender
    if proof.receiver:  # a gatekeeper may agree on HMAC and not tell its name
        clear["generalID"] = proof.receiver
    token = {"algorithmOID": HMAC_SHA1_96, "paramS": {}, "hash": bits}
    hashed = {"tokenOID": WHOLE_MESSAGE, "hashedVals": clear, "token": token}
    return "nestedcryptoToken", ("cryptoHashedToken", hashed)


# ---- passwords


def prove(alias: Alias, password: str, time: int) -> PasswordHash:
    """Make the proof of an old unit."""
    return PasswordHash(alias, time, _password_digest(alias.text, password, time, end="\0"))


def is_right(proof: Proof, password: str, octets: bytes) -> bool:
    """Tell whether a proof, which came in these octets, was made with this password."""
    if isinstance(proof, MessageHash):
        return _is_message_right(proof, password, octets)
    if isinstance(proof, AccessToken):
        said = bytes((proof.random,)) + password.encode() + proof.time.to_bytes(4)
        digest = hashlib.md5(said, usedforsecurity=False).digest()
        return bool(password) and hmac.compare_digest(digest, proof.digest)
    made = (
        _password_digest(proof.alias.text, password, proof.time, end=end)
        for end in ("\0", "")  # units write both strings with a zero behind, the standard none
    )
    return any(hmac.compare_digest(one, proof.digest) for one in made)


def _password_digest(alias: str, password: str, time: int, *, end: str) -> bytes:
    if not password or not alias:
        return b""  # a ClearToken has no empty strings
    clear = {
        "tokenOID": (0, 0),
        "timeStamp": time,
        "password": _basic(password + end),
        "generalID": _basic(alias + end),
    }
    return hashlib.md5(encode(Pdu.TOKEN, clear), usedforsecurity=False).digest()


def _basic(text: str) -> str:
    """Return what BMPString holds of a text: the first 128 characters of the basic plane."""
    return "".join(letter for letter in text if ord(letter) <= 0xFFFF)[:128]


def sign(octets: bytes, password: str) -> bytes:
    """Put the hash of a message where `PLACE` stands in it."""
    at = octets.find(PLACE)
    assert at >= 0
    return _with(octets, at, _message_digest(_with(octets, at, bytes(HASH_OCTETS)), password))


def _is_message_right(proof: MessageHash, password: str, octets: bytes) -> bool:
    at = octets.find(proof.digest)
    if at < 0:
        return False  # it was not on an octet's edge, so nobody we know made it
    made = _message_digest(_with(octets, at, bytes(HASH_OCTETS)), password)
    return hmac.compare_digest(made, proof.digest)


def _with(octets: bytes, at: int, new: bytes) -> bytes:
    return octets[:at] + new + octets[at + len(new) :]


def _message_digest(octets: bytes, password: str) -> bytes:
    key = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
    return hmac.digest(key, octets, "sha1")[:HASH_OCTETS]
