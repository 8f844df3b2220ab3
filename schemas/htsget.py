"""htsget 1.3.0 on the wire: posted queries, tickets, and the signed manifest in a ticket.

`skerry` is ours; clients read past it. Leaves the meaning of a query to
`streams.htsget.questions`.
"""

from __future__ import annotations

from pydantic import Field

from schemas.wire import LocalId, OpenWire, Signable, Wire, canonical_json

MAX_LISTED = 1000  # fields or tags in one query


class PostedRegion(OpenWire):
    reference_name: str = Field(alias="referenceName", max_length=200)
    start: int | None = Field(default=None, ge=0, lt=2**32, strict=True)
    end: int | None = Field(default=None, ge=0, lt=2**32, strict=True)


class PostedQuery(OpenWire):
    """The body of `POST /reads/<id>` or `/variants/<id>`."""

    format: str | None = Field(default=None, max_length=40)
    class_: str | None = Field(default=None, alias="class", max_length=40)
    fields_: tuple[str, ...] | None = Field(default=None, alias="fields", max_length=MAX_LISTED)
    tags: tuple[str, ...] | None = Field(default=None, max_length=MAX_LISTED)
    notags: tuple[str, ...] | None = Field(default=None, max_length=MAX_LISTED)
    regions: tuple[PostedRegion, ...] | None = Field(default=None, min_length=1)
    encryption_scheme: str | None = Field(default=None, alias="encryptionScheme", max_length=40)


class ColumnsAsked(Wire):
    """Which fields and tags of reads are wanted; None is all of them, none of `tags` no tag."""

    fields: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    notags: tuple[str, ...] = ()


class Manifest(Signable):
    """What one release consists of; digests are lower-case hex, `issued` is epoch seconds.

    `segment_root` fixes every sealed byte and its place: it is the RFC 9162 tree head over the
    leaves SHA-256(0x00 | sealed segment)."""

    version: int = 1
    permit_id: str
    object_id: LocalId
    dataset: LocalId
    format: str
    recipient: str
    header_sha256: str
    header_size: int
    body_size: int
    segment_root: str
    plain_size: int
    plain_sha256: str
    issued: int


class SignedManifest(Wire):
    """A manifest and the node's Ed25519 signature over `Manifest.signed_bytes()`, in hex."""

    manifest: Manifest
    signature: str


RegionAsked = tuple[str, int | None, int | None]  # name, start0, end0


class SliceManifest(Signable):
    """What one slice of a sealed object consists of. Its segments bind their place by their nonces
    and their number by `body_size`; `regions` is None where only the header was asked for."""

    version: int = 1
    permit_id: str
    object_id: LocalId
    dataset: LocalId
    format: str
    recipient: str
    header_sha256: str
    header_size: int
    body_size: int
    plain_size: int
    regions: tuple[RegionAsked, ...] | None
    issued: int


class SignedSlice(Wire):
    """A manifest and the node's Ed25519 signature over `SliceManifest.signed_bytes()`, in hex."""

    manifest: SliceManifest
    signature: str


class TicketUrl(Wire):
    """`headers` are to be sent with the request."""

    url: str
    headers: dict[str, str] | None = None


class Ticket(Wire):
    format: str
    urls: tuple[TicketUrl, ...]
    md5: str | None = None
    skerry: SignedManifest | None = None
    skerry_slice: SignedSlice | None = None


class TicketText(Wire):
    """What a single-use ticket says once it is opened; `expires` is epoch seconds."""

    audience: str = Field(max_length=2048)
    object_id: LocalId
    ticket: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    expires: int

    def sealed_bytes(self) -> bytes:
        return canonical_json(self.model_dump(mode="json"))


class SealedTicket(Wire):
    """base64 of a Crypt4GH file of a `TicketText`, for the registered key alone."""

    ticket: str = Field(max_length=16384)


class TicketAnswer(Wire):
    """One top-level key, which must come first: htslib knows a ticket by it."""

    htsget: Ticket
