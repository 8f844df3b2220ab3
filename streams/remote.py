"""Reads files in S3-compatible object stores by byte ranges, never whole; puts sealed bodies there.

Every range is asked for with `If-Match` (RFC 9110 section 13.1.1), so that what was registered is
what is read. Credentials, region and endpoint come from the store's usual environment (`AWS_…`) and
are neither kept nor logged. Blocks; what the bytes are is for others.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from obstore.exceptions import BaseError, PreconditionError
from obstore.store import S3Store

from streams.errors import ObjectChanged, SourceRefused, StoreUnavailable

if TYPE_CHECKING:
    from obstore import GetOptions

SCHEME = "s3://"
PAGE = 256 * 1024  # small reads lie near one another
KEPT_PAGES = 8
RETRIES = 2
RETRY_SECONDS = 20
TIMEOUT = "15s"

_MD5 = "md5chksum"  # rclone's, of base64: what S3 itself keeps is an ETag, often no MD5
_URL = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/([^\x00-\x1f]{1,1024})")


@dataclass(frozen=True, slots=True)
class RemoteFacts:
    """What a file is known by; `etag` changes with its content."""

    size: int
    etag: str


@dataclass(frozen=True)
class RemoteFile:
    """`s3://BUCKET/KEY`."""

    url: str

    @property
    def name(self) -> str:
        return PurePosixPath(self.url).name

    def beside(self, name: str) -> RemoteFile:
        return RemoteFile(f"{self.url.rpartition('/')[0]}/{name}")

    def facts(self) -> RemoteFacts | None:
        """None where there is no such file. Raises SourceRefused, StoreUnavailable."""
        try:
            found = self._store.head(self._key)
        except FileNotFoundError:
            return None
        except BaseError as error:
            raise _unavailable(error) from error
        if found["e_tag"] is None:
            raise SourceRefused(f"{self.url}: the store gives no ETag, so changes would go unseen.")
        return RemoteFacts(found["size"], found["e_tag"])

    def read(self, facts: RemoteFacts, start0: int, end0: int) -> bytes:
        """Exactly these bytes of just that content. Raises ObjectChanged, StoreUnavailable."""
        try:
            asked = self._store.get(
                self._key, options={"range": (start0, end0), "if_match": facts.etag}
            )
            found = bytes(asked.bytes())
        except (PreconditionError, FileNotFoundError) as error:
            raise _changed() from error
        except BaseError as error:
            raise _unavailable(error) from error
        if len(found) != end0 - start0:
            raise StoreUnavailable("The object store sent another number of bytes.")
        return found

    def stated_md5(self, facts: RemoteFacts) -> str | None:
        """In hex, where whoever uploaded the object left it in its metadata. Raises as `read`."""
        if not facts.size:
            return None
        try:
            options: GetOptions = {"range": (0, 1), "if_match": facts.etag}
            raw = self._store.get(self._key, options=options).attributes.get(_MD5, "")
            digest = base64.b64decode(raw, validate=True)
        except (PreconditionError, FileNotFoundError) as error:
            raise _changed() from error
        except BaseError as error:
            raise _unavailable(error) from error
        except binascii.Error:
            return None
        return digest.hex() if len(digest) == 16 else None

    def put(self, content: Path) -> RemoteFacts:
        """Sends a file there, in parts where it is large. Raises StoreUnavailable."""
        try:
            self._store.put(self._key, content)
        except BaseError as error:
            raise _unavailable(error) from error
        facts = self.facts()
        if facts is None or facts.size != content.stat().st_size:
            raise StoreUnavailable("The object store did not keep what it was sent.")
        return facts

    @cached_property
    def _store(self) -> S3Store:
        bucket, _ = self._parts
        return S3Store(
            bucket,
            client_options={
                "allow_http": os.environ.get("AWS_ALLOW_HTTP") == "true",
                "connect_timeout": "5s",
                "timeout": TIMEOUT,
            },
            retry_config={
                "max_retries": RETRIES,
                "retry_timeout": timedelta(seconds=RETRY_SECONDS),
            },
        )

    @property
    def _key(self) -> str:
        return self._parts[1]

    @property
    def _parts(self) -> tuple[str, str]:
        matched = _URL.fullmatch(self.url)
        if matched is None:
            raise SourceRefused(f"{self.url[:200]}: write s3://BUCKET/KEY.")
        return matched[1], matched[2]


@dataclass(slots=True)
class RemoteSource:
    """A `storage.Source` over one content of a file; small reads are served from pages."""

    file: RemoteFile
    facts: RemoteFacts
    _pages: OrderedDict[int, bytes] = field(default_factory=OrderedDict)

    def __call__(self, length: int, start0: int) -> bytes:
        end0 = min(start0 + length, self.facts.size)
        if start0 >= end0:
            return b""
        if end0 - start0 >= PAGE:
            return self.file.read(self.facts, start0, end0)
        parts = []
        while start0 < end0:
            number, within = divmod(start0, PAGE)
            parts.append(self._page(number)[within : within + end0 - start0])
            start0 += len(parts[-1])
        return b"".join(parts)

    def _page(self, number: int) -> bytes:
        found = self._pages.get(number)
        if found is None:
            start0 = number * PAGE
            end0 = min(start0 + PAGE, self.facts.size)
            found = self._pages[number] = self.file.read(self.facts, start0, end0)
            if len(self._pages) > KEPT_PAGES:
                self._pages.popitem(last=False)
        return found


def _changed() -> ObjectChanged:
    return ObjectChanged("The object's file has changed; it must be loaded again.")


def _unavailable(error: BaseError) -> StoreUnavailable:
    # What the library says holds addresses and the store's own words.
    return StoreUnavailable("The object store does not answer.", detail=type(error).__name__)
