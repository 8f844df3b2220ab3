"""Computed identifiers of alleles: GA4GH VRS 1.3, fully justified by trying every place."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from tests.support.naive.changes import Change, Reference, spellings


def vrs_id(change: Change, reference: Reference, digest: str) -> str:
    """`digest` is the sequence's refget digest without its prefix."""
    places = spellings(change, reference)
    bases, (removed, added) = reference[change.chrom], change.core()
    start0 = min(each.start0 for each in places)
    end0 = max(each.start0 + len(each.ref) for each in places)
    text = (
        bases[start0:end0] + added if not removed else bases[start0 : end0 - len(removed)] + added
    )
    edited = change.identity(reference)
    state = str(edited and edited[1])[start0 : start0 + len(text)]
    location = {
        "interval": {
            "end": {"type": "Number", "value": end0},
            "start": {"type": "Number", "value": start0},
            "type": "SequenceInterval",
        },
        "sequence_id": digest,
        "type": "SequenceLocation",
    }
    allele = {
        "location": _digest(location),
        "state": {"sequence": state, "type": "LiteralSequenceExpression"},
        "type": "Allele",
    }
    return f"ga4gh:VA.{_digest(allele)}"


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(hashlib.sha512(text).digest()[:24]).decode()
