"""Computed identifiers of alleles (GA4GH VRS 1.3: `ga4gh:VA.` and a sha512t24u digest).

An allele is identified in its fully-justified form, on a sequence named by its refget digest, with
the new bases as a `LiteralSequenceExpression`. Substitutions need no reference for it; insertions
and deletions do, since without one nobody knows how far they reach.
"""

from __future__ import annotations

import base64
import hashlib

from beacon.variation.justify import Justified

# Canonical JSON (RFC 8785: sorted members, no spaces). Only digits, bases and digests go in.
_LOCATION = (
    '{"interval":{"end":{"type":"Number","value":%d},"start":{"type":"Number","value":%d},'
    '"type":"SequenceInterval"},"sequence_id":"%s","type":"SequenceLocation"}'
)
_ALLELE = (
    '{"location":"%s","state":{"sequence":"%s","type":"LiteralSequenceExpression"},"type":"Allele"}'
)


def allele_id(refget_id: str, change: Justified) -> str | None:
    """The identifier of a change; None where its reach was not followed to both ends, or where it
    is no change of bases."""
    digest = allele_digest(refget_id, change)
    return f"ga4gh:VA.{_text(digest)}" if digest is not None else None


def allele_digest(refget_id: str, change: Justified) -> bytes | None:
    """The 24 bytes that the identifier spells."""
    if change.core.alt.startswith("<") or not change.followed:
        return None
    form = change.expanded()
    end0 = form.start0 + len(form.ref)
    location = _digest(_LOCATION % (end0, form.start0, refget_id.removeprefix("SQ.")))
    return _digest(_ALLELE % (_text(location), form.alt))


def digest_of(allele_id: str) -> bytes:
    return base64.urlsafe_b64decode(allele_id.rpartition(".")[2])


def _digest(text: str) -> bytes:
    """sha512t24u, before it is spelled in base 64."""
    return hashlib.sha512(text.encode("ascii")).digest()[:24]


def _text(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode("ascii")
