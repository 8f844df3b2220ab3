"""Tokens, people and keys that are no longer taken although their time is not over.

GA4GH AAI 1.2.1 knows no revocation of signed documents; this is a file of ours that the trust file
names, read again whenever it changes. A list that cannot be read stops admission: what was revoked
must not come back because a line was mistyped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from passports.errors import BadTrustFile, RevocationsUnavailable
from schemas.messages import Message

MAX_FILE_BYTES = 8 * 1024 * 1024
_KINDS = frozenset({"jti", "sub", "kid"})
_Entry = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Signed:
    """What a signed token can be revoked by."""

    issuer: str
    subject: str
    kid: str
    jti: str | None


class Revocations:
    """Looks at the file's stamp each time and at its text when that changed."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._entries: frozenset[_Entry] = frozenset()

    def stamp(self) -> object:
        """Changes with the list: what was judged under another stamp is to be judged again.

        Raises `RevocationsUnavailable`.
        """
        if self._path is None:
            return None
        try:
            found = self._path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp != self._stamp:
                self._entries = read(self._path)
                self._stamp = stamp
        except (OSError, BadTrustFile) as error:
            raise RevocationsUnavailable(
                Message("the list of revoked tokens cannot be read just now"), detail=str(error)
            ) from error
        return stamp

    def revoked(self, signed: Signed) -> bool:
        """As of the last `stamp`."""
        return bool(self._entries) and not self._entries.isdisjoint(_names(signed))


def read(path: Path) -> frozenset[_Entry]:
    """Lines of `jti|sub|kid ISSUER VALUE`; `#` opens a comment line. Raises `BadTrustFile`."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise BadTrustFile(
                Message(
                    "%(path)s: larger than %(most)s bytes",
                    path=str(path),
                    most=MAX_FILE_BYTES,
                )
            )
        lines = data.decode("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadTrustFile(
            Message("%(path)s: cannot be read; see docs/trust.md", path=str(path))
        ) from error
    entries = set()
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.startswith("#"):
            parts = line.split(maxsplit=2)
            if len(parts) != 3 or parts[0] not in _KINDS:
                raise BadTrustFile(
                    Message(
                        "%(path)s:%(number)s: expected jti, sub or kid, issuer and value",
                        path=str(path),
                        number=number,
                    )
                )
            entries.add((parts[0], parts[1], parts[2].rstrip()))
    return frozenset(entries)


def _names(signed: Signed) -> Iterator[_Entry]:
    yield "sub", signed.issuer, signed.subject
    yield "kid", signed.issuer, signed.kid
    if signed.jti is not None:
        yield "jti", signed.issuer, signed.jti
