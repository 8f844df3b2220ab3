"""The errors of what a node sends. Every one of them means: nothing (more) leaves.

SkerryError
├── InvalidInput
│   ├── KeyInvalid             a key or key file that is malformed, weak or of the wrong sort
│   ├── EnvelopeInvalid        bytes that are not a Crypt4GH header, segment or edit list
│   │   ├── NotForUs           a sound header that none of our keys opens
│   │   └── SegmentInvalid     a segment's MAC, length, place or digest is wrong
│   ├── SourceRefused          a file that may not be served: truncated, or not what it says
│   │   └── IndexRefused       an index that is damaged, or not the index of its file
│   │   └── FastaRefused       a FASTA file that is not one, or holds one name twice
│   ├── SubsequenceInvalid     refget: bounds that are no numbers, or given twice
│   │   ├── OutOfSequence      refget: bounds outside of the sequence (416)
│   │   └── NotAcceptable      refget: only media types we do not have are accepted (406)
│   ├── UnsupportedFormat      htsget: a format the object or the endpoint does not have
│   └── InvalidRange           htsget: a region whose end precedes its start
├── Forbidden
│   ├── ReleaseRefused         no right to this object, or not with this recipient key
│   │   ├── OutsideGrant       regions, or a file, that a grant of regions does not reach
│   │   └── PersonWithdrew     it may hold somebody who withdrew after it was taken in
│   ├── AddressRefused         a body address that is tampered with, expired or another's
│   └── AgentRefused           the key agent found the permit or header wanting
├── NotFound
│   ├── NoSuchObject           unknown, or not yours to know of: one answer
│   ├── NoSuchReference        a reference name that the object does not have
│   ├── NoSuchSequence         refget: an identifier of no sequence or collection held here
│   └── NoSuchSession          a body address whose release has ended or never was
├── TooLarge
│   └── TooLong                a request or message passed its cap
├── TooMany
│   └── TooManyReleases        a person's cap, or the node's, on open releases
├── Unavailable
│   ├── AgentUnavailable       the key agent is down or does not answer
│   ├── StoreUnavailable       the object store that holds a file does not answer
│   └── ObjectChanged          an unsealed file is not the one that was registered
├── VaultFull                  the vault cannot be written; what was there still is
└── VaultBroken                the vault's index or a body is not what was sealed
"""

from __future__ import annotations

from schemas.errors import (
    Forbidden,
    InvalidInput,
    NotFound,
    SkerryError,
    TooLarge,
    TooMany,
    Unavailable,
)


class KeyInvalid(InvalidInput):
    code = "key_invalid"


class EnvelopeInvalid(InvalidInput):
    code = "envelope_invalid"


class NotForUs(EnvelopeInvalid):
    code = "not_for_us"


class SegmentInvalid(EnvelopeInvalid):
    code = "segment_invalid"


class SourceRefused(InvalidInput):
    code = "source_refused"


class IndexRefused(SourceRefused):
    code = "index_refused"


class FastaRefused(SourceRefused):
    code = "fasta_refused"


class SubsequenceInvalid(InvalidInput):
    code = "subsequence_invalid"


class OutOfSequence(SubsequenceInvalid):
    status = 416
    code = "out_of_sequence"


class NotAcceptable(SubsequenceInvalid):
    status = 406
    code = "not_acceptable"


class UnsupportedFormat(InvalidInput):
    code = "unsupported_format"


class InvalidRange(InvalidInput):
    code = "invalid_range"


class RangeUnsatisfiable(InvalidRange):
    """A Range header wholly outside of what an address covers (RFC 9110 section 15.5.17)."""

    status = 416
    code = "range_unsatisfiable"


class ReleaseRefused(Forbidden):
    """`reasons` are stable codes for the record; `public` is their sentence."""

    code = "release_refused"

    def __init__(self, public: str, *, reasons: tuple[str, ...], detail: str = "") -> None:
        super().__init__(public, detail=detail)
        self.reasons = reasons


class OutsideGrant(ReleaseRefused):
    code = "outside_grant"

    def __init__(self, public: str) -> None:
        super().__init__(public, reasons=(self.code,))


class PersonWithdrew(ReleaseRefused):
    def __init__(self) -> None:
        super().__init__(
            "Somebody withdrew from this dataset after the object was taken in, and it may hold "
            "their data: it is released once the node's operator has looked through it or made it "
            "anew (skerry datasets reseal).",
            reasons=("person_withdrew",),
        )


class AddressRefused(Forbidden):
    code = "address_refused"


class NoSuchSession(NotFound):
    code = "no_such_session"

    def __init__(self) -> None:
        super().__init__("There is no release at this address. Ask for a new ticket.")


class AgentRefused(Forbidden):
    code = "agent_refused"


class NoSuchObject(NotFound):
    """Unknown and not-yours share this class, its sentence and its body."""

    code = "no_such_object"

    def __init__(self, *, reasons: tuple[str, ...]) -> None:
        super().__init__("There is no object of that name that you may see.")
        self.reasons = reasons


class NoSuchSequence(NotFound):
    code = "no_such_sequence"


class NoSuchReference(NotFound):
    code = "no_such_reference"


class TooLong(TooLarge):
    code = "too_long"


class TooManyReleases(TooMany):
    code = "too_many_releases"


class AgentUnavailable(Unavailable):
    code = "agent_unavailable"


class ObjectChanged(Unavailable):
    code = "object_changed"


class StoreUnavailable(Unavailable):
    code = "store_unavailable"


class VaultFull(SkerryError):
    code = "vault_full"


class VaultBroken(SkerryError):
    code = "vault_broken"
