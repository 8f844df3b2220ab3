"""Changes the key by which a node proves whose it is and signs its visas.

The old key signs what the next one is (`passports.rotation`) and is then gone: portals follow
without being told. Of a stolen key nothing may be followed, so that one goes without a word. What a
running node proves is `access.routes`'.
"""

from __future__ import annotations

from dataclasses import dataclass

from access.errors import RecordUnavailable
from access.record.audit import RecordFile
from gateway import config
from gateway.errors import ConfigError
from gateway.home import NodeHome
from passports.compact import parse
from passports.rotation import MAX_STATEMENTS, announce
from passports.tokens import SigningKey
from streams.storage import replace_durably


@dataclass(frozen=True, slots=True)
class Changed:
    """Thumbprints (RFC 7638); `announced` says whether the old key named the new one."""

    old: str
    new: str
    announced: bool


def change(home: NodeHome, *, stolen: bool, now: int) -> Changed:
    """Of a node that stands still: it reads the key at its start. Cut off, it goes on when called
    again. Raises `ConfigError`."""
    settings = config.load(home.settings)
    record = _record(home)
    try:
        old, new = _key(home), _next_key(home)
        announced = [] if stolen else [one for one in home.rotations() if _signer(one) != old.kid]
        if not stolen:
            announced.append(
                announce(new, old=old, public_url=settings.public_url, node=settings.id, now=now)
            )
        facts = {"retired": old.kid, "current": new.kid, "announced": not stolen}
        record.append("keys.identity", facts, durable=True)
        text = "".join(f"{one}\n" for one in announced[-MAX_STATEMENTS:])
        replace_durably(home.rotations_file, text.encode())
        home.next_visa_key.replace(home.visa_key)
    finally:
        record.close()
    return Changed(old.kid, new.kid, not stolen)


def thumbprint(home: NodeHome) -> str:
    """Of the key in use (RFC 7638). Raises `ConfigError`."""
    return _key(home).kid


def _record(home: NodeHome) -> RecordFile:
    try:
        return RecordFile(
            home.record, pseudonym_key=home.secret("pseudonym"), signing_key=home.signing_key()
        )
    except RecordUnavailable as error:
        raise ConfigError(
            f"{home.record}: cannot be written; stop the node first, it reads this key at its start"
        ) from error


def _key(home: NodeHome) -> SigningKey:
    try:
        return SigningKey.load(home.visa_key)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{home.visa_key}: cannot be read; `skerry init` writes it") from error


def _next_key(home: NodeHome) -> SigningKey:
    """The one of a change that was cut off, or a new one."""
    path = home.next_visa_key
    try:
        if not path.exists():
            SigningKey.generate().save(path)
        return SigningKey.load(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written or read ({error.strerror})") from error
    except ValueError as error:
        raise ConfigError(f"{path}: is no whole key; delete it") from error


def _signer(statement: str) -> str:
    return parse(statement, cap=len(statement)).kid
